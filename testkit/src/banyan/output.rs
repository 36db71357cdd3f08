//! What a process says, line by line.

use std::{
    io::{BufRead, BufReader, Read},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
};

use anyhow::Context;
use tokio::{sync::watch, time::timeout};

use crate::wait::PATIENCE;

/// Lines kept; the oldest half goes when there are more.
const MAX_LINES: usize = 200_000;

/// A stream of a process, read by a thread of its own: the process never waits for a test that does not read.
pub(super) struct Output {
    shared: Arc<Shared>,
    reader: Option<JoinHandle<()>>,
}

struct Shared {
    lines: Mutex<Vec<String>>,
    changes: watch::Sender<u64>,
}

impl Output {
    pub(super) fn read(stream: impl Read + Send + 'static) -> Self {
        let shared = Arc::new(Shared { lines: Mutex::default(), changes: watch::Sender::new(0) });
        let theirs = shared.clone();
        let reader = thread::spawn(move || {
            for line in BufReader::new(stream).split(b'\n').map_while(Result::ok) {
                theirs.push(String::from_utf8_lossy(&line).into_owned());
            }
        });
        Self { shared, reader: Some(reader) }
    }

    pub(super) fn lines(&self) -> Vec<String> {
        self.shared.lines().clone()
    }

    /// Reads to the end; only for a process that has ended.
    pub(super) fn finish(&mut self) {
        if let Some(reader) = self.reader.take() {
            // The reader has nothing to panic about, and a test that fails should say why it does.
            reader.join().ok();
        }
    }

    pub(super) async fn wait_for(&self, matches: impl Fn(&str) -> bool) -> anyhow::Result<String> {
        let find = || self.shared.lines().iter().find(|line| matches(line)).cloned();
        let mut changes = self.shared.changes.subscribe();
        let come = changes.wait_for(|_| find().is_some());
        timeout(PATIENCE, come)
            .await
            .with_context(|| format!("no such line in:\n{}", self.lines().join("\n")))??;
        find().context("the line went with the oldest")
    }
}

impl Shared {
    fn lines(&self) -> MutexGuard<'_, Vec<String>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, line: String) {
        {
            let mut lines = self.lines();
            if lines.len() >= MAX_LINES {
                lines.drain(..MAX_LINES / 2);
            }
            lines.push(line);
        }
        self.changes.send_modify(|count| *count += 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn lines_are_found_early_and_late() {
        let (stream, mut process) = std::io::pipe().unwrap();
        let mut output = Output::read(stream);
        std::io::Write::write_all(&mut process, b"one\ntwo\n").unwrap();
        assert_eq!(output.wait_for(|line| line == "two").await.unwrap(), "two");
        let wait = output.wait_for(|line| line.starts_with("thr"));
        std::io::Write::write_all(&mut process, b"three").unwrap();
        drop(process);
        assert_eq!(wait.await.unwrap(), "three");
        output.finish();
        assert_eq!(output.lines(), ["one", "two", "three"]);
    }
}
