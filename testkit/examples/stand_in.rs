//! Stands in for the real program in the tests of the test kit itself: is ready, says things, or refuses its config.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "what a program prints is what is tested")]

use std::{env, fs, net::SocketAddr, path::Path, process::ExitCode};

use banyan_testkit::{Reply, Scripted};
use tokio::signal::unix::{SignalKind, signal};

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<ExitCode> {
    let config = env::args().nth(2).unwrap_or_default();
    let text = fs::read_to_string(&config)?;
    if text.contains("refuse") {
        eprintln!("error: line 6 is no good");
        return Ok(ExitCode::FAILURE);
    }
    let mut hang_up = signal(SignalKind::hangup())?;
    let mut terminate = signal(SignalKind::terminate())?;
    fs::write(Path::new(&config).with_file_name("banyan.db.admin-token"), "secret\n")?;
    let _admin =
        Scripted::start_at(admin(&text)?, |_| Reply::new(200).body("{\"readiness\":\"ready\"}").into())
            .await?;
    println!("serving {:?}", env::args().skip(3).collect::<Vec<_>>());
    loop {
        tokio::select! {
            _ = hang_up.recv() => eprintln!("reading {}", fs::read_to_string(&config)?.lines().last().unwrap_or_default()),
            _ = terminate.recv() => break,
        }
    }
    println!("drained");
    Ok(ExitCode::SUCCESS)
}

fn admin(config: &str) -> anyhow::Result<SocketAddr> {
    let address = config.lines().find_map(|line| line.strip_prefix("admin: { listen: ")?.strip_suffix(" }"));
    Ok(address.unwrap_or_default().parse()?)
}
