//! A PostgreSQL of a test's own.

mod programs;
mod server;

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, ensure};
use rustix::process::Signal;
use tempfile::TempDir;

use self::{
    programs::{program, unprivileged},
    server::Server,
};
use crate::port::Port;

/// A real PostgreSQL on a port of the loopback address and in a folder of its own, with everything as it is by default,
/// `fsync` too, except that it asks for no password. It ends with this value.
///
/// It refuses to run as root; started by root, it runs as the user `postgres`, whom its package makes.
#[derive(Debug)]
pub struct Postgres {
    server: Option<Server>,
    port: Port,
    dir: TempDir,
}

/// Who may do everything there. Also the name of a database.
const USER: &str = "postgres";

impl Postgres {
    /// Starts one, and waits until it takes connections.
    ///
    /// # Errors
    /// When it is not installed, or does not start: then with what it said.
    pub fn start() -> anyhow::Result<Self> {
        let dir = TempDir::new()?;
        programs::give_away(dir.path())?;
        let data = dir.path().join("data");
        let made = unprivileged(&program("initdb")?)
            .args([
                "--auth=trust",
                "--no-sync",
                "--no-locale",
                "--encoding=UTF8",
                "--username",
                USER,
                "--pgdata",
            ])
            .arg(&data)
            .current_dir(dir.path())
            .stdin(Stdio::null())
            .output()
            .context("initdb")?;
        ensure!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
        let mut postgres = Self { server: None, port: Port::reserve()?, dir };
        postgres.start_again()?;
        Ok(postgres)
    }

    /// Where its database `postgres` is, as a URL.
    #[must_use]
    pub fn url(&self) -> String {
        self.url_of(USER)
    }

    /// Where a database of it is.
    #[must_use]
    pub fn url_of(&self, database: &str) -> String {
        format!("postgres://{USER}@{}/{database}", self.port.address())
    }

    /// Runs SQL in a database, past everything that is tested; returns what it says, without headings, columns separated by `|`.
    ///
    /// # Errors
    /// When it cannot be reached, or refuses.
    pub fn sql(&self, database: &str, sql: &str) -> anyhow::Result<String> {
        let said = Command::new(program("psql")?)
            .args([
                "--no-psqlrc",
                "--no-align",
                "--tuples-only",
                "--quiet",
                "--set=ON_ERROR_STOP=1",
                "--command",
            ])
            .arg(sql)
            .arg(self.url_of(database))
            .current_dir(self.dir.path())
            .stdin(Stdio::null())
            .output()
            .context("psql")?;
        ensure!(said.status.success(), "psql: {}", String::from_utf8_lossy(&said.stderr));
        Ok(String::from_utf8(said.stdout)?.trim_end().to_owned())
    }

    /// Settings as in `postgresql.conf`, in force from the next start on, in place of those given before.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn configure(&self, settings: &str) -> io::Result<()> {
        fs::write(self.data().join("postgresql.auto.conf"), settings)
    }

    /// Its folder of data.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// Ends it as an administrator does who is in a hurry: connections are closed, and nothing is lost.
    ///
    /// # Errors
    /// When it does not end.
    pub fn stop(&mut self) -> anyhow::Result<()> {
        self.server.take().map_or(Ok(()), |server| server.end(Signal::INT))
    }

    /// Ends it as a crash does: it has to repair itself with the next start.
    ///
    /// # Errors
    /// When it does not end.
    pub fn crash(&mut self) -> anyhow::Result<()> {
        self.server.take().map_or(Ok(()), |server| server.end(Signal::QUIT))
    }

    /// Starts it again at the same place, and waits until it takes connections.
    ///
    /// # Errors
    /// When it does not start: then with what it said.
    pub fn start_again(&mut self) -> anyhow::Result<()> {
        self.stop()?;
        self.server = Some(Server::start(&self.data(), self.dir.path(), self.port.number())?);
        Ok(())
    }

    /// It hangs: connections stay open, new ones are taken by the kernel, and nothing is answered.
    ///
    /// # Errors
    /// When its processes cannot be stopped.
    pub fn hang(&self) -> io::Result<()> {
        self.server.as_ref().map_or(Ok(()), Server::hang)
    }

    /// It goes on after it hung.
    ///
    /// # Errors
    /// When its processes cannot be woken.
    pub fn go_on(&self) -> io::Result<()> {
        self.server.as_ref().map_or(Ok(()), Server::go_on)
    }
}

/// Whether a path exists at all.
fn exists(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}
