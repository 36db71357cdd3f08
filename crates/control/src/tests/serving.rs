//! Over real sockets: listeners, signals, the file watch and the end.

use std::{fs, net::SocketAddr, os::unix::fs::symlink, path::Path};

use rustix::process::{Signal, getpid, kill_process};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::oneshot,
    task::JoinHandle,
};

use super::bench::{Bench, config};
use crate::{Control, reload::Reloader};

/// A control plane that serves.
struct Serving {
    admin: SocketAddr,
    probes: SocketAddr,
    reloader: Reloader,
    stop: oneshot::Sender<()>,
    end: JoinHandle<std::io::Result<()>>,
}

impl Serving {
    async fn start(control: Control) -> Self {
        let [admin, probes] = [listener().await, listener().await];
        let [admin_at, probes_at] = [&admin, &probes].map(|listener| listener.local_addr().unwrap());
        let (stop, stopped) = oneshot::channel::<()>();
        let reloader = control.shared.reloader.clone();
        let end = tokio::spawn(control.serve(admin, Some(probes), async {
            drop(stopped.await);
        }));
        // An answer shows that signals and the file are watched too, since that is set up before.
        assert!(get(probes_at, "/healthz").await.starts_with("HTTP/1.1 200"));
        Self { admin: admin_at, probes: probes_at, reloader, stop, end }
    }

    /// Waits for a generation. Events of one change may come as two, and the second finds nothing new.
    async fn generation(&mut self, wanted: u64) {
        self.reloader.wait_for(|status| status.generation >= wanted).await;
    }

    async fn end(self) {
        self.stop.send(()).unwrap();
        self.end.await.unwrap().unwrap();
    }
}

async fn listener() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.unwrap()
}

async fn get(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

/// As an editor does: another file, then a rename.
fn replace(path: &Path, text: &str) {
    let other = path.with_extension("tmp");
    fs::write(&other, text).unwrap();
    fs::rename(&other, path).unwrap();
}

#[tokio::test]
async fn each_listener_has_its_own_part() {
    let Bench { control, folder: _folder, .. } = Bench::new();
    let serving = Serving::start(control).await;
    assert!(get(serving.admin, "/v1/units").await.starts_with("HTTP/1.1 401"));
    assert!(get(serving.admin, "/metrics").await.starts_with("HTTP/1.1 404"));
    assert!(get(serving.probes, "/metrics").await.starts_with("HTTP/1.1 200"));
    assert!(get(serving.probes, "/v1/units").await.starts_with("HTTP/1.1 404"));
    serving.end().await;
}

#[tokio::test]
async fn a_hangup_reloads() {
    let Bench { control, folder: _folder, .. } = Bench::new();
    let mut serving = Serving::start(control).await;
    kill_process(getpid(), Signal::HUP).unwrap();
    serving.generation(2).await;
    serving.end().await;
}

#[tokio::test]
async fn a_file_that_is_replaced_or_written_is_reloaded() {
    let Bench { control, config: path, folder: _folder, .. } = Bench::new();
    let mut serving = Serving::start(control).await;
    replace(&path, &config("6%", "0%"));
    serving.generation(2).await;
    replace(&path, &config("7%", "0%"));
    serving.generation(3).await;
    fs::write(&path, config("8%", "0%")).unwrap();
    serving.generation(4).await;
    replace(&path, "version: 2");
    serving.reloader.wait_for(|status| status.last_error.is_some()).await;
    assert_eq!(serving.reloader.status().hash, banyan_hash(&config("8%", "0%")));
    serving.end().await;
}

/// The hash of a config text, as its plan has it.
fn banyan_hash(text: &str) -> String {
    banyan_config::parse("banyan.yaml", text).unwrap_or_else(|report| panic!("{report}")).hash
}

#[tokio::test]
async fn a_mounted_config_map_is_reloaded_when_its_link_moves() {
    let Bench { control, config: path, folder, .. } = Bench::new();
    let version = |name: &str, text: &str| {
        fs::create_dir(folder.path().join(name)).unwrap();
        fs::write(folder.path().join(name).join("banyan.yaml"), text).unwrap();
    };
    version("..v1", &config("5%", "0%"));
    symlink("..v1", folder.path().join("..data")).unwrap();
    fs::remove_file(&path).unwrap();
    symlink("..data/banyan.yaml", &path).unwrap();
    let mut serving = Serving::start(control).await;
    for (name, share, generation) in [("..v2", "6%", 2), ("..v3", "7%", 3)] {
        version(name, &config(share, "0%"));
        symlink(name, folder.path().join("..data_tmp")).unwrap();
        fs::rename(folder.path().join("..data_tmp"), folder.path().join("..data")).unwrap();
        serving.generation(generation).await;
        assert_eq!(serving.reloader.status().hash, banyan_hash(&config(share, "0%")));
    }
    serving.end().await;
}

/// The clock is paused: it goes on when everybody waits, so waiting out a limit takes no time.
#[tokio::test(start_paused = true)]
async fn connections_that_say_nothing_are_ended_and_others_served() {
    let Bench { control, folder: _folder, .. } = Bench::new();
    let serving = Serving::start(control).await;
    let mut silent = Vec::new();
    for _ in 0..300 {
        silent.push(TcpStream::connect(serving.admin).await.unwrap());
    }
    assert!(get(serving.admin, "/v1/units").await.starts_with("HTTP/1.1 401"));
    for stream in &mut silent {
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).await.unwrap();
    }
    serving.end().await;
}

#[tokio::test]
async fn an_open_connection_does_not_hold_up_the_end() {
    let Bench { control, folder: _folder, .. } = Bench::new();
    let serving = Serving::start(control).await;
    let mut stream = TcpStream::connect(serving.admin).await.unwrap();
    stream.write_all(b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    stream.read_u8().await.unwrap();
    serving.end().await;
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).await.unwrap();
    assert!(rest.ends_with(b"}"));
}
