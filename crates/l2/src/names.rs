//! What things are called in Redis.
//!
//! All names of a namespace carry the same hash tag (the braces), so that they live together wherever Redis shards by it.

use std::fmt::Write as _;

/// What a value is stored under: a hash of whatever identifies it. 128 bits, so that nobody meets another's by chance.
pub type Key = [u8; 16];

/// The names of one namespace.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    /// `{prefix}:`
    start: String,
    pub(crate) clock: String,
    pub(crate) all: String,
    pub(crate) incarnation: String,
    pub(crate) channel: String,
    /// What names of tags begin with; the scripts add the tag.
    pub(crate) tags: String,
}

impl Names {
    pub(crate) fn new(prefix: &str) -> Self {
        let start = format!("{{{prefix}}}:");
        let name = |end: &str| format!("{start}{end}");
        Self {
            clock: name("clock"),
            all: name("all"),
            incarnation: name("incarnation"),
            channel: name("invalidated"),
            tags: name("t:"),
            start,
        }
    }

    pub(crate) fn value(&self, key: &Key) -> String {
        self.of_key("v:", key)
    }

    pub(crate) fn lease(&self, key: &Key) -> String {
        self.of_key("l:", key)
    }

    pub(crate) fn tag(&self, tag: u64) -> String {
        format!("{}{tag:016x}", self.tags)
    }

    fn of_key(&self, kind: &str, key: &Key) -> String {
        let mut name = String::with_capacity(self.start.len() + kind.len() + 2 * key.len());
        name.push_str(&self.start);
        name.push_str(kind);
        // 128 bits of a number print as the bytes do, most significant first.
        let written = write!(name, "{:032x}", u128::from_be_bytes(*key));
        debug_assert!(written.is_ok(), "a string takes everything");
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_what_they_are() {
        let names = Names::new("shop");
        let mut key = [0; 16];
        key[0] = 0xab;
        key[15] = 1;
        assert_eq!(names.value(&key), "{shop}:v:ab000000000000000000000000000001");
        assert_eq!(names.lease(&key), "{shop}:l:ab000000000000000000000000000001");
        assert_eq!(names.tag(255), "{shop}:t:00000000000000ff");
        assert_eq!(names.clock, "{shop}:clock");
    }
}
