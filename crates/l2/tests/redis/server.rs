//! A Redis of a test's own.

use std::{
    io,
    process::{Child, Command, Stdio},
    time::Duration,
};

use banyan_l2::{Level, Settings};
use banyan_testkit::{Port, eventually};
use redis::{FromRedisValue, aio::MultiplexedConnection};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// Far more than a call takes, since tests run on busy machines.
const PATIENT: Duration = Duration::from_secs(5);

/// A real `redis-server` on a port and in a folder of its own. It ends with this value.
pub(crate) struct Server {
    process: Child,
    port: Port,
    dir: TempDir,
}

impl Server {
    /// Starts one and waits until it answers.
    pub(crate) async fn start() -> Self {
        let (port, dir) = (Port::reserve().unwrap(), tempfile::tempdir().unwrap());
        let server = Self { process: launch(&port, &dir), port, dir };
        server.answers().await;
        server
    }

    pub(crate) fn address(&self) -> String {
        format!("redis://{}", self.port.address())
    }

    /// Settings for it with a deadline that only a hang would meet.
    pub(crate) fn settings(&self) -> Settings {
        Settings::new(&self.address(), "test").unwrap().with_deadline(PATIENT).unwrap()
    }

    pub(crate) fn level(&self) -> Level {
        Level::new(self.settings())
    }

    /// As a crash does it: nothing is saved and nobody is told.
    pub(crate) fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Starts it again, with what it last saved.
    pub(crate) async fn start_again(&mut self) {
        self.process = launch(&self.port, &self.dir);
        self.answers().await;
    }

    /// It hangs: connections stay open, and nothing is answered.
    pub(crate) fn hang(&self) {
        self.signal(Signal::STOP);
    }

    pub(crate) fn go_on(&self) {
        self.signal(Signal::CONT);
    }

    /// Runs a command, past everything that is tested.
    pub(crate) async fn run<T: FromRedisValue>(&self, words: &[&str]) -> T {
        self.run_bytes(&words.iter().map(|word| word.as_bytes()).collect::<Vec<_>>()).await
    }

    pub(crate) async fn run_bytes<T: FromRedisValue>(&self, words: &[&[u8]]) -> T {
        let mut command = redis::Cmd::new();
        for word in words {
            command.arg(word);
        }
        command.query_async(&mut self.connect().await.unwrap()).await.unwrap()
    }

    async fn connect(&self) -> redis::RedisResult<MultiplexedConnection> {
        redis::Client::open(self.address())?.get_multiplexed_async_connection().await
    }

    async fn answers(&self) {
        let ask = async || {
            let mut connection = self.connect().await?;
            Ok(redis::cmd("PING").exec_async(&mut connection).await?)
        };
        eventually(ask).await.expect("redis-server answers");
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.process), signal).unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may be gone already, which is as good.
        self.process.kill().and_then(|()| self.process.wait()).ok();
    }
}

fn launch(port: &Port, dir: &TempDir) -> Child {
    let port = port.number().to_string();
    let words = ["--bind", "127.0.0.1", "--port", &port, "--save", "", "--appendonly", "no"];
    let missing = |error: io::Error| panic!("redis-server ({error}): apt-get install redis-server");
    Command::new("redis-server")
        .args(words)
        .arg("--dir")
        .arg(dir.path())
        .stdout(Stdio::null())
        .spawn()
        .unwrap_or_else(missing)
}
