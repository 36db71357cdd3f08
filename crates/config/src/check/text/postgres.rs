//! Where a PostgreSQL is.
//!
//! What is not certain to be the same on every node, such as the name of the user that runs the process, is no default
//! here: two nodes must not write to two places.

use super::url;
use crate::{plan::Secret, read::FromText, report::Complaint};

const FORM: &str = "for example postgres://banyan@127.0.0.1/banyan";
/// What may stand behind the database, and what it may be; nothing means any text.
const PARAMETERS: [(&str, &[&str]); 4] = [
    ("application_name", &[]),
    ("sslmode", &["disable", "require", "verify-ca", "verify-full"]),
    ("sslrootcert", &[]),
    ("target_session_attrs", &["any", "read-write"]),
];
/// The authorities of the public web, in the place of a file.
const PUBLIC: &str = "system";

/// A URL as PostgreSQL's clients read it, its password apart.
pub(crate) struct PostgresUrl {
    /// The URL without the password. It holds one `@`.
    pub(crate) address: String,
    /// The password, decoded.
    pub(crate) password: Option<Secret>,
}

impl FromText for PostgresUrl {
    fn from_text(text: &str) -> Result<Self, Complaint> {
        let (scheme, rest) = split_scheme(text)?;
        let (authority, tail) = url::split_authority(rest)?;
        let Some((login, places)) = authority.rsplit_once('@') else {
            return Err(Complaint::new("the user is missing").hint(FORM));
        };
        let (user, password) = split_login(login)?;
        places.split(',').try_for_each(place)?;
        self::tail(tail)?;
        Ok(Self { address: format!("{scheme}://{user}@{places}{tail}"), password })
    }
}

fn split_scheme(text: &str) -> Result<(&str, &str), Complaint> {
    let Some((scheme, rest)) = text.split_once("://") else {
        return Err(Complaint::new("the scheme is missing").hint("write postgres:// in front"));
    };
    match scheme {
        "postgres" | "postgresql" => Ok((scheme, rest)),
        _ => Err(Complaint::new("the scheme is postgres or postgresql").hint(FORM)),
    }
}

/// The user as it was written and the password decoded.
fn split_login(login: &str) -> Result<(&str, Option<Secret>), Complaint> {
    let (user, password) = match login.split_once(':') {
        Some((user, password)) => (user, Some(password)),
        None => (login, None),
    };
    if user.is_empty() || user.contains('@') {
        return Err(Complaint::new("before the '@' stands a user name, perhaps with ':' and a password")
            .hint("write %40 for a '@' in a user name"));
    }
    url::decoded(user)?;
    match password {
        Some("") => {
            Err(Complaint::new("the password is empty").hint("leave the ':' out where there is none"))
        }
        Some(password) => Ok((user, Some(Secret::new(&url::decoded(password)?)))),
        None => Ok((user, None)),
    }
}

/// One of the places where the server may be.
fn place(place: &str) -> Result<(), Complaint> {
    let port = url::port(place)?;
    let name = if port.is_some() { place.rsplit_once(':').map_or(place, |(name, _)| name) } else { place };
    if name.get(..3).is_some_and(|start| start.eq_ignore_ascii_case("%2f")) {
        return url::decoded(name).map(|_| ());
    }
    url::checked_host(&name.to_ascii_lowercase()).map(|_| ())
}

/// The database, and what is said about the connection.
fn tail(tail: &str) -> Result<(), Complaint> {
    if tail.contains('#') {
        return Err(Complaint::new("a fragment has no place here"));
    }
    let (database, parameters) =
        tail.split_once('?').map_or((tail, None), |(path, query)| (path, Some(query)));
    match database.strip_prefix('/') {
        None | Some("") => return Err(Complaint::new("the database is missing").hint(FORM)),
        Some(name) if name.contains('/') => {
            return Err(Complaint::new("the path is the name of a database, and nothing stands behind it"));
        }
        Some(name) => url::decoded(name)?,
    };
    let Some(parameters) = parameters else { return Ok(()) };
    let parameters = parameters.split('&').map(|text| text.split_once('=').unwrap_or((text, "")));
    let parameters: Vec<_> = parameters.collect();
    for (place, (key, value)) in parameters.iter().enumerate() {
        parameter(key, value)?;
        if parameters.iter().skip(place + 1).any(|(other, _)| other == key) {
            return Err(Complaint::new(format!("{key} stands there twice")));
        }
    }
    let said = |wanted: &str| parameters.iter().find(|(key, _)| *key == wanted).map(|(_, value)| *value);
    encryption(said("sslmode"), said("sslrootcert"))
}

/// Whether what is said about TLS is what it looks like. What holds where nothing is said is the store's to know.
fn encryption(mode: Option<&str>, roots: Option<&str>) -> Result<(), Complaint> {
    let roots = roots.map(url::decoded).transpose()?;
    match (mode, roots.as_deref()) {
        (_, Some(roots)) if roots != PUBLIC && !roots.starts_with('/') => Err(Complaint::new(
            "sslrootcert is the whole path of a file, from '/' on, or system for the authorities of the public web",
        )),
        (Some("disable"), Some(_)) => {
            Err(Complaint::new("sslmode=disable switches TLS off, so sslrootcert would check nothing")
                .hint("leave one of them out"))
        }
        (Some("verify-ca"), None | Some(PUBLIC)) | (Some("require"), Some(PUBLIC)) => Err(Complaint::new(
            "without the server's name, a certificate of the public web says nothing",
        )
        .hint("write sslmode=verify-full, or name the file with the authority's certificate by sslrootcert")),
        _ => Ok(()),
    }
}

fn parameter(key: &str, value: &str) -> Result<(), Complaint> {
    let Some((_, values)) = PARAMETERS.iter().find(|(known, _)| *known == key) else {
        let complaint = Complaint::new("behind the '?' stands something that has no place there");
        return Err(match key {
            "user" | "password" => complaint.hint("user and password stand before the '@'"),
            "host" | "port" | "hostaddr" => complaint.hint("host and port stand behind the '@'"),
            "dbname" => complaint.hint("the database is the path"),
            _ => complaint.hint(format!("known here: {}", PARAMETERS.map(|(key, _)| key).join(", "))),
        });
    };
    url::decoded(value)?;
    if key == "sslmode" && ["prefer", "allow"].contains(&value) {
        let weak =
            "goes on in the clear, and without a word, where anybody on the way says that there is no TLS";
        return Err(Complaint::new(format!("sslmode={value} {weak}"))
            .hint("write verify-full, or disable where the way to the server is private"));
    }
    if values.is_empty() || values.contains(&value) {
        return Ok(());
    }
    Err(Complaint::new(format!("{key} is {}", values.join(" or "))))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_url_says_where_a_postgres_is() {
        let read = |text: &str| {
            let url =
                PostgresUrl::from_text(text).unwrap_or_else(|complaint| panic!("{text}: {complaint:?}"));
            (url.address, url.password.map(|password| password.expose().to_owned()))
        };
        for text in [
            "postgres://banyan@127.0.0.1/banyan",
            "postgresql://b%40n@db:5433/x?sslmode=disable&application_name=gw",
            "postgres://banyan@%2Frun%2Fpostgresql/banyan",
            "postgres://u@db/d?sslmode=verify-full&sslrootcert=%2Fetc/ca.pem",
            "postgres://u@db/d?sslmode=verify-full",
            "postgres://u@db/d?sslrootcert=system",
            "postgres://u@db/d?sslmode=require",
            "postgres://banyan@a:1,b,[::1]:2/banyan?target_session_attrs=read-write",
        ] {
            assert_eq!(read(text), (text.to_owned(), None));
        }
        let (address, password) = read("postgres://banyan:p%40:ss@db/banyan");
        assert_eq!((address.as_str(), password.as_deref()), ("postgres://banyan@db/banyan", Some("p@:ss")));
    }

    #[test]
    fn a_url_that_leads_nowhere_is_refused() {
        for (text, words) in [
            ("mysql://u@h/d", "the scheme is postgres or postgresql"),
            ("h/d", "the scheme is missing"),
            ("postgres://h/d", "the user is missing"),
            ("postgres://@h/d", "before the '@' stands a user name"),
            ("postgres://:p@h/d", "before the '@' stands a user name"),
            ("postgres://u:@h/d", "the password is empty"),
            ("postgres://u@/d", "the host is missing"),
            ("postgres://u@a,,b/d", "the host is missing"),
            ("postgres://u@h:0/d", "a port lies between"),
            ("postgres://u@h", "the database is missing"),
            ("postgres://u@h/", "the database is missing"),
            ("postgres://u@h/d/e", "nothing stands behind it"),
            ("postgres://u@h/d#x", "a fragment has no place here"),
            ("postgres://u:p/w@h/d", "end the part of a URL that holds the password"),
            ("postgres://u:p%zz@h/d", "'%' stands only before two hexadecimal digits"),
            ("postgres://u@h/d?password=x", "has no place there"),
            ("postgres://u@h/d?sslmode=prefer", "goes on in the clear"),
            ("postgres://u@h/d?sslmode=allow", "goes on in the clear"),
            ("postgres://u@h/d?sslmode=on", "sslmode is disable or require or verify-ca or verify-full"),
            ("postgres://u@h/d?sslmode=verify-full&sslmode=disable", "sslmode stands there twice"),
            ("postgres://u@h/d?sslmode=verify-ca", "a certificate of the public web says nothing"),
            (
                "postgres://u@h/d?sslrootcert=system&sslmode=require",
                "a certificate of the public web says nothing",
            ),
            ("postgres://u@h/d?sslrootcert=ca.pem", "the whole path of a file"),
            ("postgres://u@h/d?sslmode=disable&sslrootcert=/ca.pem", "would check nothing"),
            ("postgres://u@h o/d", "a URL is ASCII"),
        ] {
            let message = PostgresUrl::from_text(text).err().map(|complaint| complaint.message);
            assert!(message.as_deref().is_some_and(|message| message.contains(words)), "{text}: {message:?}");
        }
    }

    proptest! {
        /// Whatever is complained of, the password is not repeated.
        #[test]
        fn no_complaint_repeats_a_password(before in "(postgres|mysql|)(://)?", after in "[a-z:/?#@=& ]{0,8}") {
            let text = format!("{before}user:S3CRET@{after}");
            if let Err(Complaint { message, hint }) = PostgresUrl::from_text(&text) {
                prop_assert!(!format!("{message}{hint:?}").contains("S3CRET"), "{text}: {message} {hint:?}");
            }
        }

        /// A plan shows the address: nothing of the password is in it.
        #[test]
        fn an_address_holds_no_password_and_one_at_sign(password in "S3CRET[a-z:@%0-9]{0,8}", place in "[a-z0-9.:,\\[\\]%]{0,12}") {
            let url = PostgresUrl::from_text(&format!("postgres://user:{password}@{place}/banyan"));
            if let Ok(PostgresUrl { address, .. }) = url {
                prop_assert!(!address.contains("S3CRET") && address.matches('@').count() == 1, "{address}");
            }
        }
    }
}
