//! `METHODS PATH`.

use http::Method;

use super::method;
use crate::{pattern::Pattern, read::FromText, report::Complaint};

/// What a route matches, but for host and headers.
pub(crate) struct Rule {
    /// Methods in the order written, HEAD added to GET; empty means any.
    pub(crate) methods: Vec<Method>,
    /// Whether HEAD was added.
    pub(crate) implied_head: bool,
    /// The template.
    pub(crate) pattern: Pattern,
}

impl FromText for Rule {
    fn from_text(text: &str) -> Result<Self, Complaint> {
        let form = || Complaint::new("write methods, a space and a path");
        let Some((methods, path)) = text.split_once(' ') else {
            return Err(if text.starts_with('/') {
                form().hint(format!("write GET {text}, or * {text} for any method"))
            } else {
                form().hint("for example GET /articles/{id}")
            });
        };
        if path.starts_with(' ') || path.ends_with(' ') {
            return Err(form().hint("one space stands between them, none at the ends"));
        }
        let (methods, implied_head) = read_methods(methods)?;
        Ok(Self { methods, implied_head, pattern: Pattern::from_text(path)? })
    }
}

fn read_methods(text: &str) -> Result<(Vec<Method>, bool), Complaint> {
    if text == "*" {
        return Ok((Vec::new(), false));
    }
    let mut methods = Vec::new();
    for name in text.split(['|', ',']) {
        let hint = "write methods with '|' between and no space, such as GET|POST /articles";
        if name.is_empty() {
            return Err(Complaint::new("a method is missing").hint(hint));
        }
        if name == "*" {
            return Err(Complaint::new("'*' is any method, so no other stands beside it"));
        }
        let method = method::parse(name)?;
        if methods.contains(&method) {
            return Err(Complaint::new(format!("{method} stands twice")).hint("remove one of them"));
        }
        methods.push(method);
    }
    let implied_head = methods.contains(&Method::GET) && !methods.contains(&Method::HEAD);
    if implied_head {
        methods.push(Method::HEAD);
    }
    Ok((methods, implied_head))
}
