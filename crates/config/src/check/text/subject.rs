//! Where a subject is found.

use http::HeaderName;

use crate::{plan::SubjectSource, read::FromText, report::Complaint, suggest};

const KINDS: [&str; 3] = ["jwt", "header", "cookie"];

impl FromText for SubjectSource {
    fn from_text(text: &str) -> Result<Self, Complaint> {
        let form = || Complaint::new("write jwt:CLAIM, header:NAME or cookie:NAME");
        let Some((kind, name)) = text.split_once(':') else {
            let name = if KINDS.contains(&text) { format!("{text}:NAME") } else { format!("header:{text}") };
            return Err(form().hint(format!("for example {name}")));
        };
        if name.is_empty() || name.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err(form().hint("the name after the colon is missing, or holds white space"));
        }
        match kind {
            "jwt" => Ok(Self::Jwt(name.to_owned())),
            "cookie" if super::is_token(name) => Ok(Self::Cookie(name.to_owned())),
            "cookie" => Err(Complaint::new("this is no cookie name (RFC 6265 section 4.1.1)")),
            "header" => name
                .parse::<HeaderName>()
                .map(Self::Header)
                .map_err(|_| Complaint::new("this is no header field name (RFC 9110 section 5.1)")),
            _ => Err(match suggest::nearest(kind, KINDS) {
                Some(meant) => form().hint(format!("did you mean '{meant}:{name}'?")),
                None => form(),
            }),
        }
    }
}
