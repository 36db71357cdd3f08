//! What makes two requests the same.

use http::header::HOST;

use crate::{
    plan::{KeyPart, SubjectSource},
    read::FromText,
    report::Complaint,
    suggest,
};

const WORDS: [&str; 3] = ["path", "query", "subject"];
const KINDS: [&str; 4] = ["query", "header", "cookie", "jwt"];

impl FromText for KeyPart {
    fn from_text(text: &str) -> Result<Self, Complaint> {
        let Some((kind, name)) = text.split_once(':') else { return word(text) };
        if name.is_empty() || name.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err(form().hint("the name after the colon is missing, or holds white space"));
        }
        match kind {
            "query" if name.contains(['&', '=', '#']) => {
                Err(Complaint::new("this is no name of a query parameter").hint("write the name alone"))
            }
            "query" => Ok(Self::QueryParam(name.to_owned())),
            "header" | "cookie" | "jwt" => match SubjectSource::from_text(text)? {
                SubjectSource::Header(name) if name == HOST => Err(always()),
                SubjectSource::Header(name) => Ok(Self::Header(name)),
                SubjectSource::Cookie(name) => Ok(Self::Cookie(name)),
                SubjectSource::Jwt(claim) => Ok(Self::Jwt(claim)),
            },
            _ => Err(match suggest::nearest(kind, KINDS) {
                Some(meant) => form().hint(format!("did you mean '{meant}:{name}'?")),
                None => form(),
            }),
        }
    }
}

fn word(text: &str) -> Result<KeyPart, Complaint> {
    match text {
        "path" => Ok(KeyPart::Path),
        "query" => Ok(KeyPart::Query),
        "subject" => Ok(KeyPart::Subject),
        "host" | "Host" => Err(always()),
        _ if KINDS.contains(&text) => Err(form().hint(format!("for example {text}:NAME"))),
        _ => Err(match suggest::nearest(text, WORDS) {
            Some(meant) => form().hint(format!("did you mean '{meant}'?")),
            None => form().hint(format!("for example query:{text} or header:{text}")),
        }),
    }
}

fn form() -> Complaint {
    Complaint::new("write path, query, query:NAME, header:NAME, cookie:NAME, jwt:CLAIM or subject")
}

fn always() -> Complaint {
    Complaint::new("the host is a part of every key").hint("remove it")
}
