//! Where a Redis is and what is ours in it.

use super::url;
use crate::{
    plan::{RedisUrl, Secret},
    read::FromText,
    report::Complaint,
};

const PORT: u16 = 6379;

impl FromText for RedisUrl {
    fn from_text(text: &str) -> Result<Self, Complaint> {
        let Some((scheme, rest)) = text.split_once("://") else {
            let off = ["off", "none"].contains(&text);
            let hint =
                if off { "leave 'redis' out for none" } else { "write redis:// or rediss:// in front" };
            return Err(Complaint::new("the scheme is missing").hint(hint));
        };
        let tls = is_tls(scheme)?;
        let (authority, tail) = url::split_authority(rest)?;
        let (user, password) = match authority.rsplit_once('@') {
            None => (None, None),
            Some((credentials, _)) => login(credentials)?,
        };
        let address = authority.rsplit_once('@').map_or(authority, |(_, address)| address);
        let port = url::port(address)?;
        let host =
            if port.is_some() { address.rsplit_once(':').map_or(address, |(host, _)| host) } else { address };
        let host = url::checked_host(&host.to_ascii_lowercase())?;
        Ok(Self { host, port: port.unwrap_or(PORT), db: database(tail)?, tls, user, password })
    }
}

fn is_tls(scheme: &str) -> Result<bool, Complaint> {
    match scheme.to_ascii_lowercase().as_str() {
        "redis" => Ok(false),
        "rediss" => Ok(true),
        "unix" | "redis+unix" | "redis-socket" => {
            Err(Complaint::new("a socket file is not supported").hint("write redis://HOST:PORT"))
        }
        "valkey" => {
            Err(Complaint::new("the scheme is redis or rediss").hint("write redis: the protocol is the same"))
        }
        "valkeys" => {
            Err(Complaint::new("the scheme is redis or rediss")
                .hint("write rediss: the protocol is the same"))
        }
        _ => Err(Complaint::new("the scheme is redis or rediss")),
    }
}

/// User and password. What other programs take a lone word for differs, so it is refused.
fn login(credentials: &str) -> Result<(Option<String>, Option<Secret>), Complaint> {
    match credentials.split_once(':') {
        Some((user, password)) if !password.is_empty() => {
            let user = if user.is_empty() { None } else { Some(url::decoded(user)?) };
            Ok((user, Some(Secret::new(&url::decoded(password)?))))
        }
        _ => Err(Complaint::new("before the '@' stand a user name and a password")
            .hint("write redis://USER:PASSWORD@HOST, or redis://:PASSWORD@HOST for the default user")),
    }
}

/// The number that the path of a URL is.
fn database(tail: &str) -> Result<u32, Complaint> {
    let complaint = |message: &str| Complaint::new(message).hint("for example redis://127.0.0.1:6379/1");
    let number = match tail.strip_prefix('/') {
        Some(number) => number,
        None if tail.is_empty() => return Ok(0),
        None => return Err(complaint("a query or fragment has no place here: the database is the path")),
    };
    if number.is_empty() {
        return Ok(0);
    }
    let digits = number.bytes().all(|byte| byte.is_ascii_digit());
    let parsed = number.parse::<u32>().ok().filter(|_| digits);
    parsed.ok_or_else(|| complaint("the path is the number of a database, and nothing stands behind it"))
}

/// What keys begin with. Nothing that the commands of Redis take for a wildcard.
pub(crate) struct Prefix(pub(crate) String);

impl FromText for Prefix {
    fn from_text(text: &str) -> Result<Self, Complaint> {
        let good = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        if (1..=64).contains(&text.len()) && text.bytes().all(good) {
            return Ok(Self(text.to_owned()));
        }
        Err(Complaint::new("a prefix has 1 to 64 letters, digits and ._-")
            .hint("for example banyan, which keeps our keys apart from others"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn complaint(text: &str) -> String {
        RedisUrl::from_text(text).expect_err(text).message
    }

    #[test]
    fn a_url_says_where_a_redis_is() {
        let url = |text| RedisUrl::from_text(text).expect(text);
        assert_eq!(url("redis://127.0.0.1").to_string(), "redis://127.0.0.1:6379/0");
        assert_eq!(url("REDISS://Cache.Internal:6380/3").to_string(), "rediss://cache.internal:6380/3");
        assert_eq!(url("redis://[::1]:7/").to_string(), "redis://[::1]:7/0");
        assert_eq!(url("redis://[::1]").host, "::1");
        let plain = url("redis://a:1/2");
        assert_eq!((plain.port, plain.db, plain.tls, plain.user, plain.password), (1, 2, false, None, None));
    }

    #[test]
    fn credentials_are_decoded_and_not_shown() {
        let url = RedisUrl::from_text("rediss://us%65r:p%40ss%2Fw%c3%b6rd:x@h:1").unwrap();
        assert_eq!(url.user.as_deref(), Some("user"));
        assert_eq!(url.password.as_ref().map(Secret::expose), Some("p@ss/w\u{f6}rd:x"));
        assert!(!format!("{url} {url:?} {url:#?}").contains("p@ss"), "{url:?}");
        let url = RedisUrl::from_text("redis://:p@h").unwrap();
        assert_eq!((url.user, url.password.as_ref().map(Secret::expose)), (None, Some("p")));
    }

    #[test]
    fn a_url_that_leads_nowhere_is_refused() {
        for (text, words) in [
            ("127.0.0.1:6379", "the scheme is missing"),
            ("http://a", "the scheme is redis or rediss"),
            ("valkey://a", "the scheme is redis or rediss"),
            ("unix:///run/redis.sock", "a socket file is not supported"),
            ("redis://", "the host is missing"),
            ("redis://a b", "a URL is ASCII"),
            ("redis://a:0", "a port lies between"),
            ("redis://a:99999", "a port lies between"),
            ("redis://a/b", "the path is the number of a database"),
            ("redis://a/+1", "the path is the number of a database"),
            ("redis://a/1/2", "the path is the number of a database"),
            ("redis://a?db=1", "a query or fragment has no place here"),
            ("redis://user@a", "before the '@' stand a user name and a password"),
            ("redis://user:@a", "before the '@' stand a user name and a password"),
            ("redis://@a", "before the '@' stand a user name and a password"),
            ("redis://u:p/w@a", "end the part of a URL that holds the password"),
            ("redis://u:p%zz@a", "'%' stands only before two hexadecimal digits"),
            ("redis://u:p%4@a", "'%' stands only before two hexadecimal digits"),
            ("redis://u:p%ff@a", "'%' stands only before two hexadecimal digits"),
            ("redis://[::g]", "this is no IPv6 address"),
        ] {
            assert!(complaint(text).contains(words), "{text}: {}", complaint(text));
        }
    }

    proptest! {
        /// Whatever is complained of, the password is not repeated.
        #[test]
        fn no_complaint_repeats_a_password(before in "(redis|rediss|http|)(://)?", after in "[a-z:/?#@ ]{0,8}") {
            let text = format!("{before}user:S3CRET@{after}");
            if let Err(Complaint { message, hint }) = RedisUrl::from_text(&text) {
                prop_assert!(!format!("{message}{hint:?}").contains("S3CRET"), "{text}: {message} {hint:?}");
            }
        }
    }
}
