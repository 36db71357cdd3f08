//! Hosts.

use std::net::Ipv6Addr;

use crate::{plan::HostMatch, read::FromText, report::Complaint};

impl FromText for HostMatch {
    fn from_text(text: &str) -> Result<Self, Complaint> {
        let host = text.to_ascii_lowercase();
        if let Some(literal) = host.strip_prefix('[') {
            let address = literal.strip_suffix(']').and_then(|inner| inner.parse::<Ipv6Addr>().ok());
            return match address {
                Some(address) => Ok(Self::Exact(format!("[{address}]"))),
                None => Err(Complaint::new("write an IPv6 address in brackets, without port")),
            };
        }
        let (name, wildcard) = host.strip_prefix("*.").map_or((host.as_str(), false), |name| (name, true));
        if host.contains("://") || host.contains('/') {
            return Err(Complaint::new("a host is a name, not a URL"));
        }
        if let Some((before, _)) = host.split_once(':') {
            return Err(Complaint::new("a host is matched without its port").hint(format!("write {before}")));
        }
        if name.contains('*') {
            return Err(Complaint::new("'*' stands only in front, as '*.'").hint("for example *.example.com"));
        }
        if !is_name(name) {
            return Err(Complaint::new("this is no host name")
                .hint("for example api.example.com; leave the key out for any host"));
        }
        Ok(if wildcard { Self::Below(name.to_owned()) } else { Self::Exact(name.to_owned()) })
    }
}

/// Labels of 1 to 63 letters, digits, `-` and `_` with dots between, at most 253 characters. Underscores are no host
/// names by RFC 952, but container networks give them.
pub(super) fn is_name(text: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    let label = |label: &str| (1..=63).contains(&label.len()) && label.bytes().all(inner);
    text.len() <= 253 && text.split('.').all(label)
}
