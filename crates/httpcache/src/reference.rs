//! References to resources, resolved against where they were found (RFC 3986 section 5.2), as far as paths need it.

/// The origin that a reference names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Origin<'a> {
    /// Its scheme, when it names one.
    pub(crate) scheme: Option<&'a str>,
    /// Host and port.
    pub(crate) authority: &'a str,
}

/// The origin that `reference` names, if any, and the path and query that it means from `base`. `None` when it is a
/// reference of another kind (`mailto:`).
pub(crate) fn resolve<'a>(base: &str, reference: &'a str) -> Option<(Option<Origin<'a>>, String)> {
    let reference = reference.trim().split('#').next().unwrap_or_default();
    let (scheme, rest) = scheme(reference);
    if let Some(rest) = rest.strip_prefix("//") {
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        return Some((Some(Origin { scheme, authority }), without_dots(&path)));
    }
    scheme.is_none().then(|| (None, relative(base, rest)))
}

fn scheme(reference: &str) -> (Option<&str>, &str) {
    let of_scheme = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '+' | '-' | '.');
    match reference.split_once(':') {
        Some((scheme, rest)) if !scheme.is_empty() && scheme.chars().all(of_scheme) => (Some(scheme), rest),
        _ => (None, reference),
    }
}

fn relative(base: &str, reference: &str) -> String {
    let base_path = base.split('?').next().unwrap_or_default();
    if reference.is_empty() {
        return base.to_owned();
    }
    if reference.starts_with('?') {
        return format!("{base_path}{reference}");
    }
    if reference.starts_with('/') {
        return without_dots(reference);
    }
    let folder = base_path.rfind('/').map_or("/", |slash| &base_path[..=slash]);
    without_dots(&format!("{folder}{reference}"))
}

/// The path without `.` and `..` (RFC 3986 section 5.2.4), and its query as it is.
fn without_dots(path_and_query: &str) -> String {
    let (path, query) = path_and_query.split_at(path_and_query.find('?').unwrap_or(path_and_query.len()));
    let mut kept: Vec<&str> = Vec::new();
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let is_last = segments.peek().is_none();
        match segment {
            "." | ".." => {
                if segment == ".." {
                    kept.pop();
                }
                if is_last {
                    kept.push("");
                }
            }
            segment => kept.push(segment),
        }
    }
    format!("/{}{query}", kept.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(reference: &str) -> Option<String> {
        resolve("/b/c/d?q", reference).map(|(_, path)| path)
    }

    #[test]
    fn rfc3986_5_4_references_resolve_as_the_examples_say() {
        for (reference, expected) in [
            ("g", "/b/c/g"),
            ("./g", "/b/c/g"),
            ("g/", "/b/c/g/"),
            ("/g", "/g"),
            ("?y", "/b/c/d?y"),
            ("g?y", "/b/c/g?y"),
            ("#s", "/b/c/d?q"),
            ("g#s", "/b/c/g"),
            ("", "/b/c/d?q"),
            (".", "/b/c/"),
            ("..", "/b/"),
            ("../g", "/b/g"),
            ("../..", "/"),
            ("../../../g", "/g"),
            ("g?y/../x", "/b/c/g?y/../x"),
            ("//other", "/"),
            ("//other?x", "/?x"),
            ("http://other/a/./b/../c", "/a/c"),
        ] {
            assert_eq!(path(reference).as_deref(), Some(expected), "{reference}");
        }
    }

    #[test]
    fn the_origin_is_told_apart_and_other_kinds_of_references_are_none() {
        let (origin, _) = resolve("/", "https://h:1/x").unwrap();
        assert_eq!(origin, Some(Origin { scheme: Some("https"), authority: "h:1" }));
        assert_eq!(resolve("/", "//h/x").unwrap().0, Some(Origin { scheme: None, authority: "h" }));
        assert_eq!(resolve("/", "/x").unwrap().0, None);
        assert_eq!(resolve("/", "mailto:a@b"), None);
    }
}
