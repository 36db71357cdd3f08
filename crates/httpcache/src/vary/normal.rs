//! One form for all ways of writing the same value (RFC 9111 section 4.1).
//!
//! | field | what is the same |
//! |---|---|
//! | any | several fields and one with commas; blanks around commas |
//! | `Accept-Encoding` | also order, case, `q=1` and no weight |
//! | `Accept-Language` | also case, `q=1` and no weight, and order among *different* weights |
//! | `Authorization`, `Cookie` | nothing: they say who is asking, and a doubt must make two answers of it |
//! | `Origin`, `Referer`, `User-Agent` | nothing: they are no lists |
//!
//! Whoever can make a value that is the same here and another to the origin can have a stranger's answer kept for everybody:
//! `Origin: https://a.example,` gets no permission, and must not be the variant of `https://a.example`. So in a list of which
//! nothing else is known the commas themselves always count.
//!
//! The order of languages with equal weights is kept: RFC 9110 section 12.5.4 warns that some origins read it as an order
//! of preference, and then `en, de` and `de, en` are two answers.

use http::{HeaderMap, HeaderName, header};
use smallvec::SmallVec;

use crate::list::{members, pieces, trim};

/// How many members of a list are sorted. Longer lists are compared as they are.
const MOST_MEMBERS: usize = 32;
/// The largest weight, in thousandths (RFC 9110 section 12.4.2).
const FULL_WEIGHT: u16 = 1000;

/// Adds the normal form of what `request` has for `name`.
pub(super) fn write(name: &HeaderName, request: &HeaderMap, form: &mut Vec<u8>) {
    let is_read = match *name {
        header::AUTHORIZATION | header::COOKIE | header::ORIGIN | header::REFERER | header::USER_AGENT => {
            return write_verbatim(name, request, form);
        }
        header::ACCEPT_ENCODING => write_weighted(name, request, by_name, form),
        header::ACCEPT_LANGUAGE => write_weighted(name, request, by_weight, form),
        _ => None,
    };
    if is_read.is_none() {
        write_plain(name, request, form);
    }
}

/// The values one after the other, each byte as it came; a line feed, which no value can contain, keeps them apart.
fn write_verbatim(name: &HeaderName, request: &HeaderMap, form: &mut Vec<u8>) {
    for value in request.get_all(name) {
        form.extend_from_slice(value.as_bytes());
        form.push(b'\n');
    }
}

fn write_plain(name: &HeaderName, request: &HeaderMap, form: &mut Vec<u8>) {
    for piece in request.get_all(name).iter().flat_map(|value| pieces(value.as_bytes())) {
        form.extend_from_slice(piece);
        form.push(b',');
    }
}

/// A member of a list with weights.
#[derive(Clone, Copy)]
struct Weighted<'a> {
    name: &'a [u8],
    weight: u16,
}

/// `Accept-Encoding`: the order says nothing.
fn by_name(members: &mut [Weighted<'_>]) {
    members.sort_unstable_by(|one, other| {
        one.lower_case().cmp(other.lower_case()).then(other.weight.cmp(&one.weight))
    });
}

/// `Accept-Language`: what has more weight comes first, and equal weights stay in their order.
fn by_weight(members: &mut [Weighted<'_>]) {
    members.sort_by_key(|member| std::cmp::Reverse(member.weight));
}

/// The list in normal form; `None`, and nothing is added, when a member is not what the field's grammar allows.
fn write_weighted(
    name: &HeaderName,
    request: &HeaderMap,
    sort: fn(&mut [Weighted<'_>]),
    form: &mut Vec<u8>,
) -> Option<()> {
    let mut list: SmallVec<[Weighted<'_>; 8]> = SmallVec::new();
    for member in members(request, name) {
        list.push(read(member)?);
        (list.len() <= MOST_MEMBERS).then_some(())?;
    }
    sort(&mut list);
    for member in list {
        form.extend(member.lower_case());
        if member.weight < FULL_WEIGHT {
            form.push(b';');
            // The first byte is a control character, so what was read never equals what could not be.
            form.extend_from_slice(&member.weight.to_be_bytes());
        }
        form.push(b',');
    }
    Some(())
}

fn read(member: &[u8]) -> Option<Weighted<'_>> {
    let (name, weight) = match member.iter().position(|&byte| byte == b';') {
        Some(at) => (trim(&member[..at]), weight(trim(&member[at + 1..]))?),
        None => (member, FULL_WEIGHT),
    };
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'*' | b'_');
    if name.is_empty() || !name.iter().all(is_name) {
        return None;
    }
    Some(Weighted { name, weight })
}

impl<'a> Weighted<'a> {
    fn lower_case(self) -> impl Iterator<Item = u8> + use<'a> {
        self.name.iter().map(u8::to_ascii_lowercase)
    }
}

/// `q=0.123` in thousandths.
fn weight(text: &[u8]) -> Option<u16> {
    let number = text.strip_prefix(b"q=").or_else(|| text.strip_prefix(b"Q="))?;
    let (whole, fraction) = match number {
        [whole @ (b'0' | b'1')] => (whole, &[][..]),
        [whole @ (b'0' | b'1'), b'.', fraction @ ..] => (whole, fraction),
        _ => return None,
    };
    if fraction.len() > 3 || !fraction.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let digit = |at: usize| fraction.get(at).map_or(0, |digit| u16::from(digit - b'0'));
    let thousandths = u16::from(whole - b'0') * 1000 + digit(0) * 100 + digit(1) * 10 + digit(2);
    (thousandths <= FULL_WEIGHT).then_some(thousandths)
}
