//! What the program starts with.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use tempfile::TempDir;

use super::{Banyan, Call, STARTS};
use crate::port::Port;

/// A config and the files beside it.
///
/// A config that says no `version` gets a head that gives it ports, a store and structured logs of its own:
///
/// ```yaml
/// version: 1
/// listen: 127.0.0.1:LISTEN_PORT
/// admin: { listen: 127.0.0.1:ADMIN_PORT }
/// state: ./banyan.db
/// workers: 2
/// ```
///
/// One that says it is taken as it stands. In both, `LISTEN_PORT`, `ADMIN_PORT` and `EXTRA_PORT` stand for three free
/// ports. The admin API must be at `ADMIN_PORT`, the store at `./banyan.db`.
#[derive(Clone, Debug, Default)]
pub struct Setup {
    config: String,
    files: Vec<(String, Vec<u8>)>,
    call: Call,
}

/// The place of a program: a folder and ports.
pub(super) struct Site {
    pub(super) dir: TempDir,
    pub(super) listen: Port,
    pub(super) admin: Port,
    pub(super) extra: Port,
}

impl Setup {
    /// A config.
    #[must_use]
    pub fn new(config: &str) -> Self {
        Self { config: config.to_owned(), ..Self::default() }
    }

    /// A file in the program's folder, such as a certificate.
    #[must_use]
    pub fn file(mut self, name: &str, content: impl Into<Vec<u8>>) -> Self {
        self.files.push((name.to_owned(), content.into()));
        self
    }

    /// An argument after `serve CONFIG`.
    #[must_use]
    pub fn argument(mut self, argument: &str) -> Self {
        self.call.arguments.push(argument.to_owned());
        self
    }

    /// Lines that a shell runs before it becomes the program, such as `ulimit -f 100`.
    #[must_use]
    pub fn first(mut self, lines: &str) -> Self {
        self.call.first = Some(lines.to_owned());
        self
    }

    /// Another program than the one that was built, such as an earlier release.
    #[must_use]
    pub fn program(mut self, path: impl Into<PathBuf>) -> Self {
        self.call.program = Some(path.into());
        self
    }

    /// Starts the program, and waits until it is ready.
    ///
    /// # Errors
    /// When the program is not built, or does not become ready: then with what it said.
    pub async fn start(self) -> anyhow::Result<Banyan> {
        let mut start = 1;
        loop {
            let started = Banyan::start_at(self.site()?, self.call.clone()).await;
            match started {
                // A program that is no test of ours took the port after it was chosen.
                Err(error) if start < STARTS && error.to_string().contains("Address already in use") => {
                    start += 1
                }
                result => return result,
            }
        }
    }

    fn site(&self) -> io::Result<Site> {
        let site = Site {
            dir: TempDir::new()?,
            listen: Port::reserve()?,
            admin: Port::reserve()?,
            extra: Port::reserve()?,
        };
        for (name, content) in &self.files {
            fs::write(site.dir.path().join(name), content)?;
        }
        site.write_config(&self.config)?;
        Ok(site)
    }
}

impl Site {
    pub(super) fn write_config(&self, config: &str) -> io::Result<()> {
        let head = if config.lines().any(|line| line.starts_with("version:")) { "" } else { HEAD };
        let text = format!("{head}{config}")
            .replace("LISTEN_PORT", &self.listen.number().to_string())
            .replace("ADMIN_PORT", &self.admin.number().to_string())
            .replace("EXTRA_PORT", &self.extra.number().to_string());
        replace(&self.dir.path().join("banyan.yaml"), &text)
    }
}

const HEAD: &str = "\
version: 1
listen: 127.0.0.1:LISTEN_PORT
admin: { listen: 127.0.0.1:ADMIN_PORT }
state: ./banyan.db
workers: 2
";

/// A reader sees the old text or the new, never half of one.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let new = path.with_extension("new");
    fs::write(&new, text)?;
    fs::rename(new, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(config: &str) -> (Site, String) {
        let site = Setup::new(config).file("a.pem", "key").site().unwrap();
        let text = fs::read_to_string(site.dir.path().join("banyan.yaml")).unwrap();
        (site, text)
    }

    #[test]
    fn a_config_without_head_gets_one() {
        let (site, text) = written("routes: []\n");
        let listen = format!("version: 1\nlisten: 127.0.0.1:{}\n", site.listen.number());
        assert!(text.starts_with(&listen) && text.ends_with("routes: []\n"), "{text}");
        assert_eq!(fs::read_to_string(site.dir.path().join("a.pem")).unwrap(), "key");
    }

    #[test]
    fn a_config_with_a_head_keeps_it() {
        let (site, text) = written("version: 1\nlisten: [::1]:EXTRA_PORT\n");
        assert_eq!(text, format!("version: 1\nlisten: [::1]:{}\n", site.extra.number()));
    }
}
