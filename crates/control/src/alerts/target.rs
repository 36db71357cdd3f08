//! Where an alert goes, as text that the store keeps beside it.
//!
//! It is kept with the alert and not looked up in the config when it is sent: whoever was to be told when it happened is
//! told, whatever the config says by then.

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
        /// Who the mail is from.
        from: String,
        /// Who it is for.
        to: Vec<String>,
    },
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
            Self::Smtp { host, port, .. } if host.contains(':') => format!("smtp://[{host}]:{port}"),
            Self::Smtp { host, port, .. } => format!("smtp://{host}:{port}"),
        }
    }
}

impl From<&plan::Alert> for Target {
    fn from(alert: &plan::Alert) -> Self {
        match alert {
            plan::Alert::Webhook(webhook) => Self::Webhook(webhook.url().expose().to_owned()),
            plan::Alert::Mail(mail) => Self::Smtp {
                host: mail.host.clone(),
                port: mail.port,
                from: mail.from.clone(),
                to: mail.to.clone(),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_wrote() {
        let mail = Target::Smtp {
            host: "::1".to_owned(),
            port: 25,
            from: "banyan@example.org".to_owned(),
            to: vec!["ops@example.org".to_owned()],
        };
        for target in [Target::Webhook("http://127.0.0.1:9/hook".to_owned()), mail] {
            assert!(Target::read(&target.to_text()) == Some(target));
        }
        assert!(Target::read(r#"{"pager":"7"}"#).is_none());
    }

    #[test]
    fn a_log_has_no_more_of_it_than_the_host() {
        for (url, shown) in [
            ("https://hooks.example/services/S3CRET", "https://hooks.example"),
            ("http://127.0.0.1:9999?key=S3CRET", "http://127.0.0.1:9999"),
        ] {
            assert_eq!(Target::Webhook(url.to_owned()).shown(), shown);
        }
    }
}
