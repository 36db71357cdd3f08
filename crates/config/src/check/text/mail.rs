//! Mail: who takes it, and whom it is from and for.

use super::{host, is_token, url};
use crate::{read::FromText, report::Complaint};

/// RFC 5321 section 4.5.3.1.
const MAX_LOCAL: usize = 64;
const MAX_ADDRESS: usize = 254;
/// It is 25 wherever mail is handed on.
const PORT: u16 = 25;
/// With TLS from the first byte (RFC 8314 section 7.3).
const TLS_PORT: u16 = 465;

/// A server that takes mail.
pub(crate) struct MailServer {
    pub(crate) host: String,
    pub(crate) port: u16,
    /// Whether TLS is there from the first byte.
    pub(crate) implicit_tls: bool,
}

impl FromText for MailServer {
    fn from_text(text: &str) -> Result<Self, Complaint> {
        // Before anything else: no other complaint shall repeat a password in what it tells to write.
        if text.contains('@') {
            let hint =
                "write the name under 'user', the password into a file, and name that with 'password_file'";
            return Err(url::credentials().hint(hint));
        }
        let Some((scheme, rest)) = text.split_once("://") else {
            return Err(Complaint::new("the scheme is missing").hint(format!("write smtp://{text}")));
        };
        let implicit_tls = scheme.eq_ignore_ascii_case("smtps");
        if !implicit_tls && !scheme.eq_ignore_ascii_case("smtp") {
            let complaint = Complaint::new("the scheme is smtp or smtps");
            return Err(match scheme.to_ascii_lowercase().as_str() {
                "submission" => complaint.hint("write smtp://HOST:587, and 'tls: required' beside it"),
                "submissions" => complaint.hint("write smtps://HOST"),
                "http" | "https" => complaint.hint("what is posted to has a key of its own: 'webhook'"),
                _ => complaint.hint("for example smtp://127.0.0.1:25"),
            });
        }
        let place = rest.strip_suffix('/').unwrap_or(rest);
        if place.contains(['/', '?', '#']) || !place.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Complaint::new("an smtp URL is a host and perhaps a port")
                .hint("for example smtp://127.0.0.1:25"));
        }
        let port = url::port(place)?;
        let name =
            if port.is_some() { place.rsplit_once(':').map_or(place, |(host, _)| host) } else { place };
        let usual = if implicit_tls { TLS_PORT } else { PORT };
        let host = url::checked_host(&name.to_ascii_lowercase())?;
        Ok(Self { host, port: port.unwrap_or(usual), implicit_tls })
    }
}

/// An address of mail (RFC 5321 section 4.1.2), without the quotes and comments that nobody uses.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Mailbox(pub(crate) String);

impl FromText for Mailbox {
    fn from_text(text: &str) -> Result<Self, Complaint> {
        let complaint = || Complaint::new("this is no mail address").hint("for example ops@example.org");
        if let Some((_, inner)) = text.split_once('<') {
            let inner = inner.trim_end().trim_end_matches('>');
            return Err(
                Complaint::new("the address stands alone, without a name").hint(format!("write {inner}"))
            );
        }
        let (local, domain) = text.split_once('@').ok_or_else(complaint)?;
        let good = local.len() <= MAX_LOCAL
            && text.len() <= MAX_ADDRESS
            && local.split('.').all(is_token)
            && host::is_name(domain);
        if good { Ok(Self(text.to_owned())) } else { Err(complaint()) }
    }
}

/// Who logs in with a server: printable ASCII, which every server takes.
pub(crate) struct MailUser(pub(crate) String);

impl FromText for MailUser {
    fn from_text(text: &str) -> Result<Self, Complaint> {
        let good =
            (1..=MAX_ADDRESS).contains(&text.len()) && text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        if good {
            Ok(Self(text.to_owned()))
        } else {
            Err(Complaint::new("a user name is 1 to 254 printable ASCII characters")
                .hint("for example banyan@example.org"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_a_host_and_a_port() {
        for (text, host, port, implicit_tls) in [
            ("smtp://127.0.0.1", "127.0.0.1", 25, false),
            ("SMTP://Mail.Internal:587/", "mail.internal", 587, false),
            ("smtp://[::1]:26", "::1", 26, false),
            ("smtps://mail", "mail", 465, true),
            ("SMTPS://[::1]:25", "::1", 25, true),
        ] {
            let server = MailServer::from_text(text).expect(text);
            assert_eq!((server.host.as_str(), server.port, server.implicit_tls), (host, port, implicit_tls));
        }
        for (text, said) in [
            ("mail.internal", "the scheme is missing"),
            ("submissions://mail", "the scheme is smtp or smtps"),
            ("smtps://mail/x", "a host and perhaps a port"),
            ("smtp://u:p@mail", "a user name or password has no place here"),
            ("smtp://mail/x", "a host and perhaps a port"),
            ("smtp://mail?x", "a host and perhaps a port"),
            ("smtp://mail:0", "a port lies between"),
            ("smtp://", "the host is missing"),
            ("smtp://a b", "a host and perhaps a port"),
        ] {
            let message = MailServer::from_text(text).err().map(|complaint| complaint.message);
            assert!(message.as_deref().is_some_and(|message| message.contains(said)), "{text}: {message:?}");
        }
    }

    #[test]
    fn a_mail_address_is_what_people_have() {
        for text in ["ops@example.org", "a.b+c@x", "root@gw_1.local"] {
            assert!(Mailbox::from_text(text).is_ok(), "{text}");
        }
        for text in
            ["", "ops", "@x", "a@", "a@b@c", ".a@x", "a..b@x", "a b@x", "Ops <ops@x.org>", "a@x,b@x", "a\r@x"]
        {
            assert!(Mailbox::from_text(text).is_err(), "{text}");
        }
    }
}
