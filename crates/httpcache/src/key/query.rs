//! Which part of a query is part of the key.
//!
//! Taking only some parameters is how tracking parameters stop costing hits. It is also dangerous: what the key ignores the
//! origin still reads, and when the two read a query differently, a stranger can have an answer kept under a key that says
//! something else (`?x=1;lang=de` where `;` separates, `?l%61ng=de`, `?LANG=de`, `?lang[]=de`). So parameters are picked out
//! only of a query that everybody reads the same way. Any other query counts whole, which costs a hit and nothing else.

use super::{KeyBuilder, Kind, path};

/// Which part of a query is part of the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueryPart<'a> {
    /// All of it as it is: another order of parameters is another key.
    Whole,
    /// None of it: the origin does not look at it.
    Nothing,
    /// These parameters, in this order.
    Only(&'a [&'a str]),
}

/// Adds the wanted part of `query` to the key.
pub(super) fn add(key: &mut KeyBuilder, query: Option<&str>, wanted: QueryPart<'_>) {
    match (query, wanted) {
        (_, QueryPart::Nothing) | (None, _) => {}
        (Some(query), QueryPart::Only(names)) if is_plain(query, names) => add_parameters(key, query, names),
        (Some(query), QueryPart::Whole | QueryPart::Only(_)) => {
            key.part(Kind::Query, |bytes| path::normalise(query.as_bytes(), bytes));
        }
    }
}

/// All values of the wanted parameters, in their order, as they are written.
fn add_parameters(key: &mut KeyBuilder, query: &str, wanted: &[&str]) {
    for name in wanted {
        for (_, value) in parameters(query).filter(|(found, _)| found == name) {
            key.part(Kind::Parameter, |bytes| bytes.extend_from_slice(name.as_bytes()));
            if let Some(value) = value {
                key.part(Kind::Value, |bytes| path::normalise(value.as_bytes(), bytes));
            }
        }
    }
}

fn parameters(query: &str) -> impl Iterator<Item = (&str, Option<&str>)> {
    query.split('&').filter(|pair| !pair.is_empty()).map(|pair| match pair.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (pair, None),
    })
}

/// Whether every reader finds the same parameters in `query`: no other separator than `&`, only plain names, and none that
/// differs from a wanted one by nothing but its case.
fn is_plain(query: &str, wanted: &[&str]) -> bool {
    let of_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    let looks_like = |name: &str, wanted: &str| name != wanted && name.eq_ignore_ascii_case(wanted);
    !query.contains([';', '#'])
        && parameters(query).all(|(name, _)| {
            !name.is_empty()
                && name.bytes().all(of_name)
                && !wanted.iter().any(|wanted| looks_like(name, wanted))
        })
}
