//! Whether a connection to a server is encrypted, and what is checked about who answers.
//!
//! The words are libpq's (<https://www.postgresql.org/docs/current/libpq-ssl.html>), with two differences. Without
//! `sslmode` libpq prefers TLS, and goes on in the clear where it is told that there is none: by the server, or by anybody
//! on the way. What is in the store decides where requests go, and the password comes by the same way, so here a server
//! that is not on this machine has to show who it is unless the address says otherwise; and `prefer` and `allow` are
//! refused.

use std::{net::IpAddr, path::PathBuf};

use tokio_postgres::config::Host;

use crate::AddressError;

/// What a connection needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Encryption {
    /// None: a socket of this machine, its loopback address, or a network that is private.
    Off,
    /// Nobody who listens reads anything. Who answers is not checked, so that somebody on the way can be who answers.
    Unchecked,
    /// Who answers has a certificate of an authority in this file.
    Authority(PathBuf),
    /// Who answers has a certificate for the name that the address has, of an authority in this file; without one, of the
    /// public web.
    Full(Option<PathBuf>),
}

/// The authorities of the public web, as libpq calls them.
const PUBLIC: &str = "system";

/// The two parameters that are read here and not by the driver.
const MODE: &str = "sslmode";
const ROOTS: &str = "sslrootcert";

/// What an address says about encryption.
#[derive(Debug, Default)]
pub(crate) struct Wishes {
    mode: Option<Mode>,
    roots: Option<Roots>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Disable,
    Require,
    VerifyCa,
    VerifyFull,
}

#[derive(Debug, PartialEq, Eq)]
enum Roots {
    Public,
    File(PathBuf),
}

impl Wishes {
    /// The address without what it says about encryption, and that.
    pub(crate) fn take(text: &str) -> Result<(String, Self), AddressError> {
        // As the driver reads it: what stands before the first '@' is user and password, whatever is in it.
        let login = text.find('@').map_or(0, |at| at + 1);
        let Some(query) = text[login..].find('?').map(|at| login + at) else {
            return Ok((text.to_owned(), Self::default()));
        };
        let mut wishes = Self::default();
        let mut others = Vec::new();
        for parameter in text[query + 1..].split('&') {
            let (key, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            match decoded(key).as_deref() {
                Some(MODE) => once(MODE, &mut wishes.mode, Mode::read(value)?)?,
                Some(ROOTS) => once(ROOTS, &mut wishes.roots, Roots::read(value)?)?,
                _ => others.push(parameter),
            }
        }
        let mut rest = text[..query].to_owned();
        if !others.is_empty() {
            rest.push('?');
            rest.push_str(&others.join("&"));
        }
        Ok((rest, wishes))
    }

    /// What connections to these hosts need.
    pub(crate) fn granted(self, hosts: &[Host]) -> Result<Encryption, AddressError> {
        if self.mode == Some(Mode::Disable) {
            return if self.roots.is_none() { Ok(Encryption::Off) } else { Err(AddressError::Contradiction) };
        }
        // No network is between: libpq passes over what is said about TLS there.
        if hosts.iter().all(is_socket) {
            return Ok(Encryption::Off);
        }
        if self.mode.is_none() && self.roots.is_none() && hosts.iter().all(is_here) {
            return Ok(Encryption::Off);
        }
        if hosts.iter().any(is_socket) {
            return Err(AddressError::Mixed);
        }
        match (self.mode, self.roots) {
            (Some(Mode::Require), None) => Ok(Encryption::Unchecked),
            // Anybody can have a certificate of the public web: without its name it says nothing.
            (Some(Mode::VerifyCa), None) | (Some(Mode::Require | Mode::VerifyCa), Some(Roots::Public)) => {
                Err(AddressError::NoAuthority)
            }
            (Some(Mode::Require | Mode::VerifyCa), Some(Roots::File(path))) => {
                Ok(Encryption::Authority(path))
            }
            (_, Some(Roots::File(path))) => Ok(Encryption::Full(Some(path))),
            (_, None | Some(Roots::Public)) => Ok(Encryption::Full(None)),
        }
    }
}

impl Mode {
    fn read(text: &str) -> Result<Self, AddressError> {
        match text {
            "disable" => Ok(Self::Disable),
            "require" => Ok(Self::Require),
            "verify-ca" => Ok(Self::VerifyCa),
            "verify-full" => Ok(Self::VerifyFull),
            "prefer" => Err(AddressError::Weak("prefer")),
            "allow" => Err(AddressError::Weak("allow")),
            _ => Err(AddressError::Mode),
        }
    }
}

impl Roots {
    fn read(text: &str) -> Result<Self, AddressError> {
        let path = decoded(text).ok_or(AddressError::Malformed)?;
        match path.as_str() {
            PUBLIC => Ok(Self::Public),
            path if path.starts_with('/') => Ok(Self::File(path.into())),
            _ => Err(AddressError::Roots),
        }
    }
}

fn once<T>(name: &'static str, place: &mut Option<T>, value: T) -> Result<(), AddressError> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(AddressError::Twice(name)),
    }
}

fn is_socket(host: &Host) -> bool {
    matches!(host, Host::Unix(_))
}

/// Whether what is sent there stays on this machine.
fn is_here(host: &Host) -> bool {
    match host {
        Host::Unix(_) => true,
        Host::Tcp(name) if name.eq_ignore_ascii_case("localhost") => true,
        Host::Tcp(name) => name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback()),
    }
}

/// Without percent-encoding (RFC 3986 section 2.1).
fn decoded(text: &str) -> Option<String> {
    let mut pieces = text.split('%');
    let mut bytes = pieces.next()?.as_bytes().to_vec();
    for piece in pieces {
        let (digits, rest) = piece.split_at_checked(2)?;
        // `from_str_radix` takes a sign for a part of a number.
        let digits = digits.bytes().all(|byte| byte.is_ascii_hexdigit()).then_some(digits)?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        bytes.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ServerAddress;

    fn needs(host: &str, parameters: &str) -> Result<Encryption, AddressError> {
        ServerAddress::read(&format!("postgres://ada:p?sslmode=x@{host}/x{parameters}"))
            .map(|server| server.encryption)
    }

    fn file() -> PathBuf {
        "/etc/ca.pem".into()
    }

    #[test]
    fn what_leaves_the_machine_is_encrypted_and_checked_unless_the_address_says_otherwise() {
        for host in
            ["127.0.0.1", "127.9.9.9:6000", "[::1]", "localhost", "%2Frun%2Fpg", "localhost,127.0.0.1"]
        {
            assert_eq!(needs(host, ""), Ok(Encryption::Off), "{host}");
        }
        for host in
            ["db.example", "10.0.0.1", "localhost.example", "127.0.0.1,db.example", "[::2]", "0.0.0.0"]
        {
            assert_eq!(needs(host, ""), Ok(Encryption::Full(None)), "{host}");
            assert_eq!(needs(host, "?application_name=gw"), Ok(Encryption::Full(None)), "{host}");
            assert_eq!(needs(host, "?sslmode=disable"), Ok(Encryption::Off), "{host}");
        }
    }

    #[test]
    fn the_modes_are_those_of_libpq() {
        let roots = "&sslrootcert=/etc/ca.pem";
        for host in ["db.example", "127.0.0.1"] {
            let needs =
                |mode: &str, roots: &str| needs(host, &format!("?application_name=a&sslmode={mode}{roots}"));
            assert_eq!(needs("require", ""), Ok(Encryption::Unchecked));
            assert_eq!(needs("require", roots), Ok(Encryption::Authority(file())));
            assert_eq!(needs("verify-ca", roots), Ok(Encryption::Authority(file())));
            assert_eq!(needs("verify-ca", ""), Err(AddressError::NoAuthority));
            assert_eq!(needs("verify-ca", "&sslrootcert=system"), Err(AddressError::NoAuthority));
            assert_eq!(needs("require", "&sslrootcert=system"), Err(AddressError::NoAuthority));
            assert_eq!(needs("verify-full", ""), Ok(Encryption::Full(None)));
            assert_eq!(needs("verify-full", "&sslrootcert=system"), Ok(Encryption::Full(None)));
            assert_eq!(
                needs("verify-full", "&sslrootcert=%2Fetc%2Fca%2Epem"),
                Ok(Encryption::Full(Some(file())))
            );
        }
        assert_eq!(needs("127.0.0.1", "?sslrootcert=/etc/ca.pem"), Ok(Encryption::Full(Some(file()))));
        assert_eq!(needs("%2Frun%2Fpg", "?sslmode=verify-full"), Ok(Encryption::Off));
    }

    #[test]
    fn what_would_be_weaker_than_it_looks_is_refused() {
        for (parameters, error) in [
            ("?sslmode=prefer", AddressError::Weak("prefer")),
            ("?sslmode=allow", AddressError::Weak("allow")),
            ("?sslmode=verify_full", AddressError::Mode),
            ("?sslmode=", AddressError::Mode),
            ("?sslmode=verify-full&sslmode=disable", AddressError::Twice("sslmode")),
            ("?sslmode=disable&sslrootcert=/etc/ca.pem", AddressError::Contradiction),
            ("?sslrootcert=ca.pem", AddressError::Roots),
            ("?sslrootcert=%2", AddressError::Malformed),
            ("?sslrootcert=%+1", AddressError::Malformed),
            ("?sslmod%65=disable&sslmode=verify-full", AddressError::Twice("sslmode")),
        ] {
            assert_eq!(needs("db.example", parameters), Err(error), "{parameters}");
        }
        assert_eq!(needs("%2Frun%2Fpg,db.example", ""), Err(AddressError::Mixed));
        assert_eq!(needs("%2Frun%2Fpg,127.0.0.1", ""), Ok(Encryption::Off));
    }
}
