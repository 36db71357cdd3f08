//! Chunk extensions (RFC 9112 section 7.1.1): read to be dropped, and refused when another parser might read the
//! end of the line elsewhere.

/// Whether `text` is `*( BWS ";" BWS token [ BWS "=" BWS ( token / quoted-string ) ] )`.
pub(crate) fn are_extensions(mut text: &[u8]) -> bool {
    while !text.is_empty() {
        let Some(rest) = extension(text) else { return false };
        text = rest;
    }
    true
}

/// Whether more bytes could make it so. Only characters are looked at: the whole line is read again when it ends.
pub(crate) fn may_become_extensions(text: &[u8]) -> bool {
    let first = skip_whitespace(text).first();
    first.is_none_or(|&byte| byte == b';')
        && text.iter().all(|&byte| byte == b'\t' || (0x20..0x7F).contains(&byte))
}

/// What follows one extension.
fn extension(text: &[u8]) -> Option<&[u8]> {
    let name = skip_whitespace(skip_whitespace(text).strip_prefix(b";")?);
    let after_name = skip_token(name)?;
    let Some(value) = skip_whitespace(after_name).strip_prefix(b"=") else { return Some(after_name) };
    let value = skip_whitespace(value);
    match value.strip_prefix(b"\"") {
        Some(quoted) => skip_quoted(quoted),
        None => skip_token(value),
    }
}

fn skip_whitespace(text: &[u8]) -> &[u8] {
    let blanks = text.iter().take_while(|&&byte| matches!(byte, b' ' | b'\t')).count();
    &text[blanks..]
}

fn skip_token(text: &[u8]) -> Option<&[u8]> {
    let length = text.iter().take_while(|&&byte| is_token(byte)).count();
    (length > 0).then(|| &text[length..])
}

/// What follows the closing quote. Bytes beyond ASCII are obsolete there and refused.
fn skip_quoted(mut text: &[u8]) -> Option<&[u8]> {
    loop {
        match text {
            [b'"', rest @ ..] => return Some(rest),
            [b'\\', b'\t' | b' '..=b'~', rest @ ..] => text = rest,
            [b'\\', ..] => return None,
            [b'\t' | b' '..=b'~', rest @ ..] => text = rest,
            _ => return None,
        }
    }
}

/// `tchar` (RFC 9110 section 5.6.2).
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}
