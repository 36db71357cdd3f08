//! Where an alert goes, as text that the store keeps beside it.
//!
//! It is kept with the alert and not looked up in the config when it is sent: whoever was to be told when it happened is
//! told, whatever the config says by then.

use std::path::PathBuf;

use banyan_config::plan;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// Where it goes. May hold what lets one in, so it has no `Debug`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub(crate) enum Target {
    /// JSON is posted to this URL.
    Webhook(String),
    /// Mail is handed to a server.
    Smtp {
        /// Its name or address.
        host: String,
        /// Its port.
        port: u16,
        /// How mail is kept from others on its way to it.
        #[serde(default, skip_serializing_if = "Tls::is_none")]
        tls: Tls,
        /// Who logs in.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        login: Option<Login>,
        /// Who the mail is from.
        from: String,
        /// Who it is for.
        to: Vec<String>,
    },
}

/// How mail is kept from others on its way to a server: see [`plan::MailTls`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Tls {
    /// Also of alerts that were written before there was a choice.
    #[default]
    None,
    Opportunistic,
    /// STARTTLS or nothing, with the file of who is trusted.
    Required(Option<PathBuf>),
    /// From the first byte.
    Implicit(Option<PathBuf>),
}

/// Who logs in. The password is not in the store: a node reads its own file when it sends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Login {
    pub(crate) user: String,
    pub(crate) password_file: PathBuf,
}

impl Tls {
    fn is_none(&self) -> bool {
        *self == Self::None
    }

    const fn scheme(&self) -> &'static str {
        if matches!(self, Self::Implicit(_)) { "smtps" } else { "smtp" }
    }
}

impl From<&plan::MailTls> for Tls {
    fn from(tls: &plan::MailTls) -> Self {
        let path = |ca: &Option<plan::File>| ca.as_ref().map(|ca| ca.path.clone());
        match tls {
            plan::MailTls::None => Self::None,
            plan::MailTls::Opportunistic => Self::Opportunistic,
            plan::MailTls::Required(ca) => Self::Required(path(ca)),
            plan::MailTls::Implicit(ca) => Self::Implicit(path(ca)),
        }
    }
}

impl Target {
    /// As it is kept.
    pub(crate) fn to_text(&self) -> String {
        json!(self).to_string()
    }

    /// Reads what [`Self::to_text`] wrote.
    pub(crate) fn read(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// The way it is sent, for metrics.
    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Self::Webhook(_) => "webhook",
            Self::Smtp { .. } => "smtp",
        }
    }

    /// For logs: scheme and host, without what lets one in.
    pub(crate) fn shown(&self) -> String {
        match self {
            Self::Webhook(url) => {
                let end = url.find("://").map_or(0, |at| at + 3);
                let (scheme, rest) = url.split_at(end);
                format!("{scheme}{}", rest.split(['/', '?']).next().unwrap_or_default())
            }
            Self::Smtp { host, port, tls, .. } if host.contains(':') => {
                format!("{}://[{host}]:{port}", tls.scheme())
            }
            Self::Smtp { host, port, tls, .. } => format!("{}://{host}:{port}", tls.scheme()),
        }
    }
}

impl Target {
    /// Each of those who are told. Of many who get mail each gets one of their own: a server that does not know one of them
    /// refuses a mail for all, and then nobody is told.
    pub(crate) fn all(alert: &plan::Alert) -> Vec<Self> {
        match alert {
            plan::Alert::Webhook(webhook) => vec![Self::Webhook(webhook.url().expose().to_owned())],
            plan::Alert::Mail(mail) => mail.to.iter().map(|to| Self::mail(mail, to)).collect(),
        }
    }

    fn mail(mail: &plan::Mail, to: &str) -> Self {
        Self::Smtp {
            host: mail.host.clone(),
            port: mail.port,
            tls: Tls::from(&mail.tls),
            login: mail.login.as_ref().map(|login| Login {
                user: login.user.clone(),
                password_file: login.password_file.path.clone(),
            }),
            from: mail.from.clone(),
            to: vec![to.to_owned()],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_wrote() {
        let ca = || Some(PathBuf::from("/etc/ca.pem"));
        let ways =
            [Tls::None, Tls::Opportunistic, Tls::Required(None), Tls::Required(ca()), Tls::Implicit(ca())];
        let mut known = mail(Tls::Required(None));
        let Target::Smtp { login, .. } = &mut known else { unreachable!() };
        *login = Some(Login { user: "banyan".to_owned(), password_file: "/run/password".into() });
        let others = [known, Target::Webhook("http://127.0.0.1:9/hook".to_owned())];
        let targets = ways.map(mail).into_iter().chain(others);
        for target in targets {
            assert!(Target::read(&target.to_text()) == Some(target));
        }
        assert!(Target::read(r#"{"pager":"7"}"#).is_none());
    }

    #[test]
    fn mail_that_waits_since_before_there_was_tls_is_still_sent() {
        let kept =
            r#"{"smtp":{"host":"::1","port":25,"from":"banyan@example.org","to":["ops@example.org"]}}"#;
        assert!(Target::read(kept) == Some(mail(Tls::None)));
        assert_eq!(mail(Tls::None).to_text(), kept);
    }

    fn mail(tls: Tls) -> Target {
        Target::Smtp {
            host: "::1".to_owned(),
            port: 25,
            tls,
            login: None,
            from: "banyan@example.org".to_owned(),
            to: vec!["ops@example.org".to_owned()],
        }
    }

    #[test]
    fn a_log_has_no_more_of_it_than_the_host() {
        for (url, shown) in [
            ("https://hooks.example/services/S3CRET", "https://hooks.example"),
            ("http://127.0.0.1:9999?key=S3CRET", "http://127.0.0.1:9999"),
        ] {
            assert_eq!(Target::Webhook(url.to_owned()).shown(), shown);
        }
        assert_eq!(mail(Tls::Required(None)).shown(), "smtp://[::1]:25");
        assert_eq!(mail(Tls::Implicit(None)).shown(), "smtps://[::1]:25");
    }
}
