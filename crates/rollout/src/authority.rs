//! Who is read, who is written, who is synced back: what decides whether a rollback loses data.
//!
//! A rollback is safe as long as legacy knows what people did on the replacement. Once writes went to the replacement alone,
//! going back shows people a world in which they never wrote: a comment that is gone, an order that was not placed, and
//! which is placed twice then. No error rate is worth that without asking a person.

use std::{fmt, str::FromStr};

/// There is no such word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("one of {0}")]
pub struct UnknownWord(&'static str);

macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $word:literal,)* } all $all:literal) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$doc])* $variant,)* }

        impl $name {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// Its word in the config.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.name())
            }
        }

        impl FromStr for $name {
            type Err = UnknownWord;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::ALL.iter().copied().find(|word| word.name() == text).ok_or(UnknownWord($all))
            }
        }
    };
}

words! {
    /// Whose data is read.
    ReadSide {
        /// Legacy's, on either side.
        Legacy = "legacy",
        /// The replacement's, on either side.
        Replacement = "replacement",
        /// Each side its own.
        Split = "split",
    } all "legacy, replacement, split"
}

words! {
    /// Whose data is written.
    WriteSide {
        /// Legacy's, on either side.
        Legacy = "legacy",
        /// The replacement's, on either side.
        Replacement = "replacement",
        /// Each side its own.
        Split = "split",
        /// Both, by every write.
        Both = "both",
    } all "legacy, replacement, split, both"
}

words! {
    /// Who is told afterwards.
    Sync {
        /// Nobody: what one side writes, the other does not know.
        None = "none",
        /// Legacy learns what was written to the replacement.
        ToLegacy = "to_legacy",
        /// The replacement learns what was written to legacy.
        ToReplacement = "to_replacement",
        /// Both learn from each other.
        Both = "both",
        /// There is one database, and both use it.
        Shared = "shared",
    } all "none, to_legacy, to_replacement, both, shared"
}

/// The declared authority of a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Authority {
    /// Whose data is read.
    pub read: ReadSide,
    /// Whose data is written.
    pub write: WriteSide,
    /// Who is told afterwards.
    pub sync: Sync,
}

impl Default for Authority {
    /// What holds when nobody said anything: each side its own data, and nobody is told. The least safe one, so that
    /// nothing is lost by an assumption.
    fn default() -> Self {
        Self { read: ReadSide::Split, write: WriteSide::Split, sync: Sync::None }
    }
}

/// What can be done instead of a rollback that would lose data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Alternative {
    /// Stay at the percentage: nobody more gets the replacement, and nobody loses what they wrote.
    Hold,
    /// Answer what may be answered by legacy from legacy when the replacement fails: safe requests only.
    Fallback,
}

impl Alternative {
    /// Both, in the order in which they are offered.
    pub const ALL: [Self; 2] = [Self::Hold, Self::Fallback];

    /// What to do, in a few words.
    #[must_use]
    pub const fn advice(self) -> &'static str {
        match self {
            Self::Hold => "hold: stay at this percentage until the replacement is mended",
            Self::Fallback => {
                "fallback: let safe requests that fail on the replacement be answered by legacy"
            }
        }
    }
}

/// A rollback would lose what people wrote.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct Unsafe {
    /// What would be lost, in a sentence.
    pub why: String,
    /// What can be done instead.
    pub alternatives: [Alternative; 2],
}

/// Whether subjects can be sent back to legacy without losing what they wrote on the replacement.
///
/// Safe without write routes, when writes reach legacy in any case, and when legacy learns of them.
///
/// # Errors
/// [`Unsafe`] when writes of subjects on the replacement reached only the replacement.
pub fn rollback_is_safe(authority: &Authority, has_write_routes: bool) -> Result<(), Unsafe> {
    let reach_legacy = match authority.write {
        WriteSide::Legacy | WriteSide::Both => true,
        WriteSide::Split | WriteSide::Replacement => {
            matches!(authority.sync, Sync::ToLegacy | Sync::Both | Sync::Shared)
        }
    };
    if !has_write_routes || reach_legacy {
        return Ok(());
    }
    let why = format!(
        "what subjects on the replacement wrote is only there (write: {}, sync: {}): on legacy it would be gone",
        authority.write, authority.sync
    );
    Err(Unsafe { why, alternatives: Alternative::ALL })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn safe(write: WriteSide, sync: Sync) -> bool {
        rollback_is_safe(&Authority { read: ReadSide::Split, write, sync }, true).is_ok()
    }

    #[test]
    fn unsafe_exactly_when_legacy_never_hears_of_a_write() {
        for &write in WriteSide::ALL {
            for &sync in Sync::ALL {
                let lost = matches!(write, WriteSide::Split | WriteSide::Replacement)
                    && matches!(sync, Sync::None | Sync::ToReplacement);
                assert_eq!(safe(write, sync), !lost, "{write} {sync}");
            }
        }
    }

    #[test]
    fn nothing_is_lost_where_nothing_is_written() {
        assert_eq!(rollback_is_safe(&Authority::default(), false), Ok(()));
        let refused = rollback_is_safe(&Authority::default(), true).unwrap_err();
        assert!(refused.why.contains("write: split, sync: none"), "{}", refused.why);
    }

    #[test]
    fn every_word_reads_back() {
        for &word in ReadSide::ALL {
            assert_eq!(word.name().parse(), Ok(word));
        }
        for &word in WriteSide::ALL {
            assert_eq!(word.name().parse(), Ok(word));
        }
        for &word in Sync::ALL {
            assert_eq!(word.name().parse(), Ok(word));
        }
        assert_eq!("mine".parse::<Sync>(), Err(UnknownWord("none, to_legacy, to_replacement, both, shared")));
    }
}
