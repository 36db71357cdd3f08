//! The scripts that run inside Redis. Each is one step there: nothing comes between its reading and its writing.
//!
//! A script is asked for by its hash. A Redis that does not know it (restarted, flushed) gets it whole with the second
//! question, which makes it known.

use redis::{Cmd, ErrorKind, RedisError, ServerErrorKind, ToRedisArgs, Value, aio::MultiplexedConnection};

/// All of them.
#[derive(Debug)]
pub(crate) struct Scripts {
    pub(crate) get: Script,
    pub(crate) lease: Script,
    pub(crate) fill: Script,
    pub(crate) release: Script,
    pub(crate) invalidate: Script,
    pub(crate) adopt: Script,
}

/// One of them.
#[derive(Debug)]
pub(crate) struct Script {
    source: &'static str,
    hash: String,
}

/// A script with what it is to work on: first names, then other words.
#[derive(Debug)]
pub(crate) struct Run<'a> {
    script: &'a Script,
    names: usize,
    words: Vec<Vec<u8>>,
}

macro_rules! script {
    ($name:literal) => {
        Script::new(concat!(include_str!("scripts/prelude.lua"), include_str!(concat!("scripts/", $name))))
    };
}

impl Scripts {
    pub(crate) fn new() -> Self {
        Self {
            get: script!("get.lua"),
            lease: script!("lease.lua"),
            fill: script!("fill.lua"),
            release: script!("release.lua"),
            invalidate: script!("invalidate.lua"),
            adopt: script!("adopt.lua"),
        }
    }
}

impl Script {
    fn new(source: &'static str) -> Self {
        Self { source, hash: redis::Script::new(source).get_hash().to_owned() }
    }

    /// A run on these names.
    pub(crate) fn on<N: AsRef<str>>(&self, names: impl IntoIterator<Item = N>) -> Run<'_> {
        let words: Vec<_> = names.into_iter().map(|name| name.as_ref().as_bytes().to_vec()).collect();
        Run { script: self, names: words.len(), words }
    }
}

impl Run<'_> {
    /// With one more word.
    pub(crate) fn with(mut self, word: impl ToRedisArgs) -> Self {
        self.words.extend(word.to_redis_args());
        self
    }

    pub(crate) async fn send(&self, connection: &mut MultiplexedConnection) -> Result<Value, RedisError> {
        let answer = self.command("EVALSHA", &self.script.hash).query_async(connection).await;
        match &answer {
            Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                self.command("EVAL", self.script.source).query_async(connection).await
            }
            _ => answer,
        }
    }

    fn command(&self, verb: &str, script: &str) -> Cmd {
        let mut command = redis::cmd(verb);
        command.arg(script).arg(self.names);
        for word in &self.words {
            command.arg(word);
        }
        command
    }
}
