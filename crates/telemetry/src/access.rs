//! Access lines: formatted by the worker into a buffer, written by a thread.
//!
//! A worker hands over whole buffers, so one line costs a copy and no system call. When the writer falls behind,
//! buffers are dropped and their lines counted; a slow disk or a full pipe never holds a request up.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
    thread::JoinHandle,
};

/// A worker hands its buffer over when it holds this many bytes.
pub const BUFFER_BYTES: usize = 256 * 1024;
/// Buffers that may wait for the writer.
pub const QUEUE_BUFFERS: usize = 16;

/// Where lines go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Standard output.
    Stdout,
    /// Appended to a file.
    File(PathBuf),
}

/// The writing thread and the way to it.
#[derive(Debug)]
pub struct AccessLog {
    queue: SyncSender<Message>,
    shared: Arc<Shared>,
    writer: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    dropped: AtomicU64,
    failed: AtomicU64,
    reopen: AtomicBool,
}

#[derive(Debug)]
enum Message {
    Lines(Vec<u8>),
    Stop,
}

impl AccessLog {
    /// Opens the target and starts the writer.
    ///
    /// # Errors
    /// When the file cannot be opened or the thread not be started.
    pub fn start(target: Target) -> io::Result<Self> {
        let output = Output::open(&target)?;
        let (queue, messages) = sync_channel(QUEUE_BUFFERS);
        let shared = Arc::new(Shared::default());
        let for_writer = shared.clone();
        let writer = std::thread::Builder::new()
            .name("access-log".into())
            .spawn(move || write_all(&messages, output, &target, &for_writer))?;
        Ok(Self { queue, shared, writer: Some(writer) })
    }

    /// A buffer for one worker.
    #[must_use]
    pub fn buffer(&self) -> LineBuffer {
        LineBuffer { queue: self.queue.clone(), shared: self.shared.clone(), lines: Vec::new() }
    }

    /// Lines that were dropped because the writer was behind or its target failed.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.shared.dropped.load(Relaxed) + self.shared.failed.load(Relaxed)
    }

    /// Opens the file again before the next write, after it was rotated.
    pub fn reopen(&self) {
        self.shared.reopen.store(true, Relaxed);
    }
}

impl Drop for AccessLog {
    /// Writes what was handed over, then ends the thread.
    fn drop(&mut self) {
        if self.queue.send(Message::Stop).is_ok()
            && let Some(writer) = self.writer.take()
            && writer.join().is_err()
        {
            tracing::error!("the access log's writer panicked");
        }
    }
}

/// Lines of one worker that were not handed over yet.
#[derive(Debug)]
pub struct LineBuffer {
    queue: SyncSender<Message>,
    shared: Arc<Shared>,
    lines: Vec<u8>,
}

impl LineBuffer {
    /// Lets `format` append one line, newline included.
    pub fn line(&mut self, format: impl FnOnce(&mut Vec<u8>)) {
        if self.lines.capacity() == 0 {
            self.lines.reserve_exact(BUFFER_BYTES + 4096);
        }
        format(&mut self.lines);
        if self.lines.len() >= BUFFER_BYTES {
            self.flush();
        }
    }

    /// Hands over what is there. Called on a timer, so that a quiet worker's lines appear too.
    pub fn flush(&mut self) {
        if self.lines.is_empty() {
            return;
        }
        let lines = std::mem::take(&mut self.lines);
        match self.queue.try_send(Message::Lines(lines)) {
            Ok(()) => {}
            Err(
                TrySendError::Full(Message::Lines(lines)) | TrySendError::Disconnected(Message::Lines(lines)),
            ) => {
                self.shared.dropped.fetch_add(count_lines(&lines), Relaxed);
            }
            Err(_) => {}
        }
    }
}

impl Drop for LineBuffer {
    fn drop(&mut self) {
        self.flush();
    }
}

fn count_lines(lines: &[u8]) -> u64 {
    lines.iter().filter(|&&byte| byte == b'\n').count() as u64
}

fn write_all(messages: &Receiver<Message>, mut output: Output, target: &Target, shared: &Shared) {
    while let Ok(Message::Lines(lines)) = messages.recv() {
        if shared.reopen.swap(false, Relaxed) {
            match Output::open(target) {
                Ok(fresh) => output = fresh,
                Err(error) => {
                    tracing::error!(%error, "the access log could not be opened again; the old file is still written")
                }
            }
        }
        if let Err(error) = output.write(&lines)
            && shared.failed.fetch_add(count_lines(&lines), Relaxed) == 0
        {
            tracing::error!(%error, "access lines are being lost");
        }
    }
}

enum Output {
    Stdout(io::Stdout),
    File(File),
}

impl Output {
    fn open(target: &Target) -> io::Result<Self> {
        match target {
            Target::Stdout => Ok(Self::Stdout(io::stdout())),
            Target::File(path) => append(path).map(Self::File),
        }
    }

    fn write(&mut self, lines: &[u8]) -> io::Result<()> {
        match self {
            Self::Stdout(stdout) => {
                let mut locked = stdout.lock();
                locked.write_all(lines)?;
                locked.flush()
            }
            Self::File(file) => file.write_all(lines),
        }
    }
}

fn append(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_arrive_whole_and_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("access.log");
        let log = AccessLog::start(Target::File(path.clone())).unwrap();
        let mut buffer = log.buffer();
        for n in 0..10_000 {
            buffer.line(|out| writeln!(out, "line {n}").unwrap());
        }
        drop(buffer);
        drop(log);
        let text = std::fs::read_to_string(path).unwrap();
        assert_eq!(text.lines().count(), 10_000);
        assert!(text.ends_with("line 9999\n"));
    }

    #[test]
    fn a_rotated_file_is_opened_again() {
        let folder = tempfile::tempdir().unwrap();
        let (path, rotated) = (folder.path().join("access.log"), folder.path().join("access.log.1"));
        let log = AccessLog::start(Target::File(path.clone())).unwrap();
        std::fs::rename(&path, &rotated).unwrap();
        log.reopen();
        let mut buffer = log.buffer();
        buffer.line(|out| out.extend_from_slice(b"after\n"));
        drop(buffer);
        drop(log);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "after\n");
        assert_eq!(std::fs::read_to_string(&rotated).unwrap(), "");
    }

    #[test]
    fn what_a_stuck_writer_cannot_take_is_counted() {
        let (queue, _messages) = sync_channel(1);
        let shared = Arc::new(Shared::default());
        let mut buffer = LineBuffer { queue, shared: shared.clone(), lines: Vec::new() };
        for _ in 0..3 {
            buffer.line(|out| out.extend_from_slice(b"a\nb\n"));
            buffer.flush();
        }
        assert_eq!(shared.dropped.load(Relaxed), 4);
    }
}
