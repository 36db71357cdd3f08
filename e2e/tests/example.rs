//! The config of the first page, word for word but for its ports, in front of servers that know nothing of Banyan.

use std::{
    fs,
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
};

use anyhow::{Context as _, Result, ensure};
use banyan_testkit::{Port, RawClient, Setup, eventually};
use tempfile::TempDir;

/// Python's own server: HTTP/1.0, files, nothing else.
struct Python {
    process: Child,
    port: Port,
    _files: TempDir,
}

impl Python {
    async fn serve(name: &str) -> Result<Self> {
        let (port, files) = (Port::reserve()?, tempfile::tempdir()?);
        fs::create_dir(files.path().join("articles"))?;
        fs::write(files.path().join("articles/7"), format!("{{\"by\":\"{name}\"}}"))?;
        fs::write(files.path().join("health"), name)?;
        fs::write(files.path().join("ready"), name)?;
        let process = Command::new("python3")
            .args(["-m", "http.server", "--bind", "127.0.0.1", &port.number().to_string()])
            .current_dir(files.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("python3, which cargo xtask test installs")?;
        let server = Self { process, port, _files: files };
        eventually(async || Ok(RawClient::connect(server.address()).await?)).await?;
        Ok(server)
    }

    fn address(&self) -> SocketAddr {
        self.port.address()
    }
}

impl Drop for Python {
    fn drop(&mut self) {
        // Both fail for a process that has ended, which is what is wanted.
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

#[tokio::test]
async fn the_first_config_works_with_ordinary_servers() -> Result<()> {
    let (legacy, one, two) =
        (Python::serve("legacy").await?, Python::serve("new").await?, Python::serve("new").await?);
    let example = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/banyan.yaml"))?;
    let config = example
        .replace("127.0.0.1:8080", "127.0.0.1:LISTEN_PORT")
        .replace("127.0.0.1:9901", "127.0.0.1:ADMIN_PORT")
        .replace("127.0.0.1:7001", &legacy.address().to_string())
        .replace("127.0.0.1:7002", &one.address().to_string())
        .replace("127.0.0.1:7003", &two.address().to_string());
    let banyan = Setup::new(&config).start().await?;
    let mut client = banyan.client().await?;
    assert_eq!(client.get("/healthz-legacy", "").await?.text(), "legacy");
    let mut moved = 0;
    for percent in ["0%", "5%", "50%", "100%", "0%"] {
        let body = serde_json::json!({ "percent": percent });
        let answer = banyan.admin()?.send("PUT", "/v1/units/articles", Some(&body)).await?;
        ensure!(answer.status == 200, "{}", answer.text);
        let mut new = 0;
        for number in 0..100 {
            let response = client.get("/articles/7", &format!("X-User-Id: user-{number}\r\n")).await?;
            assert_eq!(response.status, 200, "{}", response.text());
            let by = response.json()["by"].as_str().unwrap_or_default().to_owned();
            let side = response.fields.get("banyan-unit").unwrap_or_default();
            assert_eq!(by == "new", side.contains("side=replacement"), "{by}: {side}");
            new += usize::from(by == "new");
        }
        match percent {
            "0%" => assert_eq!(new, 0),
            "100%" => assert_eq!(new, 100),
            _ => assert!(new > moved && new < 100, "{new} at {percent}"),
        }
        moved = new;
    }
    Ok(())
}
