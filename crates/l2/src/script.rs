//! The scripts that run inside Redis. Each is one step there: nothing comes between its reading and its writing.

use redis::Script;

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
