//! Where the shared level is and how much it is trusted.

use std::{fmt, time::Duration};

use thiserror::Error;

/// The longest a value may live: a month. Names of tags live longer still, so this bounds what Redis holds.
const LONGEST_LIFE: Duration = Duration::from_secs(30 * 86_400);
/// The longest lease: who takes longer should not keep others waiting.
const LONGEST_LEASE: Duration = Duration::from_secs(600);
/// The most a value may have. Redis answers one caller after the other, and a longer value makes all wait.
const MOST_VALUE: usize = 64 << 20;
const LONGEST_PREFIX: usize = 64;

/// What a restart of Redis does to what it still holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Restarts {
    /// Everything from before is invalid. A Redis that comes back from a snapshot, or a replica that took over, may have
    /// forgotten the last invalidations, and then serves what they were to remove. The run is told by `INFO server`, so a
    /// user of Redis who may not ask for that can only trust.
    #[default]
    Forget,
    /// It stays valid. For a Redis that forgets no write (`appendfsync always`, no failover), or where a stale value does
    /// less harm than an empty level.
    Trust,
}

/// Where the shared level is and how it is used. Whatever is built is sound.
///
/// ```
/// use std::time::Duration;
///
/// use banyan_l2::Settings;
///
/// let settings = Settings::new("redis://127.0.0.1:6379/2", "shop")?
///     .with_deadline(Duration::from_millis(20))?
///     .with_max_value(256 << 10)?;
/// assert!(settings.with_lease(Duration::ZERO).is_err());
/// # Ok::<(), banyan_l2::SettingsError>(())
/// ```
#[derive(Clone)]
pub struct Settings {
    pub(crate) client: redis::Client,
    pub(crate) prefix: String,
    pub(crate) deadline: Duration,
    pub(crate) lease: Duration,
    pub(crate) longest_life: Duration,
    pub(crate) max_value: usize,
    pub(crate) restarts: Restarts,
}

/// What is wrong with settings.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum SettingsError {
    /// The address is none.
    #[error(
        "the address of Redis is not understood ({0}): write redis://user:password@host:port/database, or redis+unix:///path"
    )]
    Address(String),
    /// TLS was asked for and is not built in.
    #[error("rediss:// needs TLS, which this program was built without: build it with the feature `tls`")]
    NoTls,
    /// The prefix cannot be part of a name.
    #[error("the prefix {0:?} must be 1 to {LONGEST_PREFIX} letters, digits, '.', '_' or '-'")]
    Prefix(String),
    /// A duration out of its range.
    #[error("{name} is {given:?}: it must be at least {least:?} and at most {most:?}")]
    Time {
        /// Which one.
        name: &'static str,
        /// What was given.
        given: Duration,
        /// The least it may be.
        least: Duration,
        /// The most it may be.
        most: Duration,
    },
    /// A value size out of its range.
    #[error("the largest value is {0} bytes: it must be at least 1 and at most {MOST_VALUE}")]
    Value(usize),
}

impl Settings {
    /// With the defaults: a deadline of 50 ms for each call, leases of 10 s, values of at most 1 MiB that live at most a
    /// day, and nothing kept over a restart of Redis. Nothing is connected to.
    ///
    /// `address` is `redis://user:password@host:port/database`, `rediss://` with the feature `tls`, or
    /// `redis+unix:///path`. `prefix` names the namespace, 1 to 64 letters, digits, `.`, `_` or `-`: levels with the same prefix share
    /// everything.
    ///
    /// # Errors
    /// When the address or the prefix is none.
    pub fn new(address: &str, prefix: &str) -> Result<Self, SettingsError> {
        if !cfg!(feature = "tls") && (address.starts_with("rediss://") || address.starts_with("valkeys://")) {
            return Err(SettingsError::NoTls);
        }
        // Only what kind of error it is: the address may hold a password.
        let refused = |error: redis::RedisError| SettingsError::Address(error.category().to_owned());
        let client = redis::Client::open(address).map_err(refused)?;
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        if !(1..=LONGEST_PREFIX).contains(&prefix.len()) || !prefix.bytes().all(is_plain) {
            return Err(SettingsError::Prefix(prefix.to_owned()));
        }
        Ok(Self {
            client,
            prefix: prefix.to_owned(),
            deadline: Duration::from_millis(50),
            lease: Duration::from_secs(10),
            longest_life: Duration::from_secs(86_400),
            max_value: 1 << 20,
            restarts: Restarts::default(),
        })
    }

    /// How long a call may take before it is given up, 1 ms to 5 s.
    ///
    /// # Errors
    /// When it is out of its range.
    pub fn with_deadline(self, deadline: Duration) -> Result<Self, SettingsError> {
        let deadline = time("the deadline", deadline, Duration::from_millis(1), Duration::from_secs(5))?;
        Ok(Self { deadline, ..self })
    }

    /// How long a filler is the only one, 10 ms to 10 min. It should be more than a fill takes: when it ends, the next
    /// may try, and the fill of the first is refused.
    ///
    /// # Errors
    /// When it is out of its range.
    pub fn with_lease(self, lease: Duration) -> Result<Self, SettingsError> {
        let lease = time("the lease", lease, Duration::from_millis(10), LONGEST_LEASE)?;
        Ok(Self { lease, ..self })
    }

    /// How long a value lives at most, 1 ms to 30 days; longer ones are cut. Redis remembers invalidations for a
    /// little longer, as the one who sent it has it set; nodes that let values live longer lose them earlier by that.
    ///
    /// # Errors
    /// When it is out of its range.
    pub fn with_longest_life(self, life: Duration) -> Result<Self, SettingsError> {
        let longest_life = time("the longest life", life, Duration::from_millis(1), LONGEST_LIFE)?;
        Ok(Self { longest_life, ..self })
    }

    /// How many bytes a value may have, 1 to 64 MiB. Longer ones are neither stored nor fetched.
    ///
    /// # Errors
    /// When it is out of its range.
    pub fn with_max_value(self, max_value: usize) -> Result<Self, SettingsError> {
        if !(1..=MOST_VALUE).contains(&max_value) {
            return Err(SettingsError::Value(max_value));
        }
        Ok(Self { max_value, ..self })
    }

    /// What a restart of Redis does to what it still holds.
    #[must_use]
    pub fn with_restarts(self, restarts: Restarts) -> Self {
        Self { restarts, ..self }
    }

    /// How long Redis remembers a stamp: while values under it live, and until every lease has ended that was taken
    /// before, also those of nodes with other settings.
    pub(crate) fn tag_life(&self) -> Duration {
        self.longest_life + LONGEST_LEASE + Duration::from_secs(60)
    }
}

impl fmt::Debug for Settings {
    /// Without the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("address", &self.client.get_connection_info().addr().to_string())
            .field("prefix", &self.prefix)
            .field("deadline", &self.deadline)
            .field("lease", &self.lease)
            .field("longest_life", &self.longest_life)
            .field("max_value", &self.max_value)
            .field("restarts", &self.restarts)
            .finish()
    }
}

fn time(
    name: &'static str,
    given: Duration,
    least: Duration,
    most: Duration,
) -> Result<Duration, SettingsError> {
    if (least..=most).contains(&given) {
        Ok(given)
    } else {
        Err(SettingsError::Time { name, given, least, most })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: &str = "redis://:secret@127.0.0.1:6379";

    #[test]
    fn nothing_shows_the_password() {
        let settings = Settings::new(HERE, "shop").unwrap();
        assert!(!format!("{settings:?}").contains("secret"));
        assert!(format!("{settings:?}").contains("127.0.0.1:6379"));
        let error = Settings::new("redis://:secret@127.0.0.1:port", "shop").unwrap_err();
        assert!(!error.to_string().contains("secret"), "{error}");
    }

    #[test]
    fn what_is_no_address_is_refused_with_a_hint() {
        for address in ["", "127.0.0.1:6379", "http://127.0.0.1"] {
            let error = Settings::new(address, "shop").unwrap_err();
            assert!(error.to_string().contains("write redis://"), "{error}");
        }
    }

    #[cfg(not(feature = "tls"))]
    #[test]
    fn tls_is_refused_where_it_is_not_built_in() {
        assert_eq!(Settings::new("rediss://127.0.0.1", "shop").unwrap_err(), SettingsError::NoTls);
    }

    #[test]
    fn prefixes_cannot_break_out_of_names() {
        for prefix in ["", "a b", "{a}", "a:b", "a*", &"a".repeat(65)] {
            assert!(matches!(Settings::new(HERE, prefix), Err(SettingsError::Prefix(_))), "{prefix:?}");
        }
        assert!(Settings::new(HERE, &"a".repeat(64)).is_ok());
    }

    #[test]
    fn values_out_of_range_are_refused() {
        let settings = || Settings::new(HERE, "shop").unwrap();
        let (none, eternity) = (Duration::ZERO, Duration::MAX);
        for time in [none, eternity] {
            assert!(settings().with_deadline(time).is_err());
            assert!(settings().with_lease(time).is_err());
            assert!(settings().with_longest_life(time).is_err());
        }
        assert!(settings().with_max_value(0).is_err());
        assert!(settings().with_max_value(MOST_VALUE + 1).is_err());
        assert!(settings().with_max_value(MOST_VALUE).is_ok());
    }
}
