//! Who is told about rollouts.

use std::{fmt, sync::Arc};

use super::{File, Secret};

/// Who is told when a rollout goes on, holds for a person or is rolled back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Alert {
    /// JSON is posted.
    Webhook(Webhook),
    /// Mail is handed to a server.
    Mail(Mail),
}

/// Where JSON is posted to.
///
/// For many services the path is what lets one in, so `Display` and `Debug` show scheme and host only.
#[derive(Clone, PartialEq, Eq)]
pub struct Webhook {
    /// The whole URL, `http` or `https`, without user or password.
    pub(crate) url: Secret,
    /// The part that may be shown: `https://chat.example.com`.
    pub(crate) shown: Arc<str>,
}

impl Webhook {
    /// The whole URL, `http` or `https`; without user, password and fragment.
    #[must_use]
    pub const fn url(&self) -> &Secret {
        &self.url
    }

    /// Scheme, host and port, such as `https://chat.example.com`.
    #[must_use]
    pub fn shown(&self) -> &str {
        &self.shown
    }
}

impl fmt::Display for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhook").field("shown", &self.shown).field("url", &self.url).finish()
    }
}

/// A server that takes mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// Its name or address, lower case; an IPv6 address without brackets.
    pub host: String,
    /// Its port, 1 to 65535. Default 25, and 465 where TLS is there from the first byte.
    pub port: u16,
    /// How what is said on the way is kept from others.
    pub tls: MailTls,
    /// Who logs in; never where the way may be in clear text.
    pub login: Option<MailLogin>,
    /// Who the mail is from: an address such as `banyan@example.org`.
    pub from: String,
    /// Who it is for: at least one address, distinct.
    pub to: Vec<String>,
}

/// Who logs in with a server that takes mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailLogin {
    /// Printable ASCII.
    pub user: String,
    /// The file with the password, read when mail is sent.
    pub password_file: File,
}

/// How mail is kept from others on its way to the server that takes it.
///
/// Where a certificate is looked at, it must name the host that the config names; it is trusted by the authorities in a PEM
/// file, or by those that browsers trust.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MailTls {
    /// In clear text, whatever the server offers.
    None,
    /// STARTTLS (RFC 3207) where the server offers it, with any certificate, and clear text where it does not. Whoever can
    /// change what is sent can take the offer out, so a certificate would prove nothing (RFC 7435 section 3).
    Opportunistic,
    /// STARTTLS with a certificate that is trusted, or no mail.
    Required(Option<File>),
    /// TLS from the first byte (RFC 8314 section 3) with a certificate that is trusted.
    Implicit(Option<File>),
}

impl MailTls {
    /// `smtps` with TLS from the first byte, else `smtp`.
    #[must_use]
    pub const fn scheme(&self) -> &'static str {
        if matches!(self, Self::Implicit(_)) { "smtps" } else { "smtp" }
    }
}

impl fmt::Display for Mail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port, tls, .. } = self;
        let scheme = tls.scheme();
        if host.contains(':') {
            write!(f, "{scheme}://[{host}]:{port}")
        } else {
            write!(f, "{scheme}://{host}:{port}")
        }
    }
}

impl fmt::Display for Alert {
    /// Where it goes, without what is secret: for logs, and to tell one target from another where that is enough.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Webhook(webhook) => webhook.fmt(f),
            Self::Mail(mail) => mail.fmt(f),
        }
    }
}
