//! Percent-encoding in normal form (RFC 3986 section 6.2.2): `%7e` and `~` are the same, and so are `%2f` and `%2F`.

/// Adds `path` to `bytes`: encoded letters, digits and `-._~` decoded, other encodings in upper case. A percent sign that
/// begins no encoding stays as it is.
pub(super) fn normalise(path: &[u8], bytes: &mut Vec<u8>) {
    let mut rest = path;
    while let Some(percent) = rest.iter().position(|&byte| byte == b'%') {
        let (plain, encoded) = rest.split_at(percent);
        bytes.extend_from_slice(plain);
        match *encoded {
            [_, high, low, ref after @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                push(byte(high, low), [b'%', high.to_ascii_uppercase(), low.to_ascii_uppercase()], bytes);
                rest = after;
            }
            _ => {
                bytes.push(b'%');
                rest = encoded.get(1..).unwrap_or_default();
            }
        }
    }
    bytes.extend_from_slice(rest);
}

fn push(byte: u8, encoding: [u8; 3], bytes: &mut Vec<u8>) {
    if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
        bytes.push(byte);
    } else {
        bytes.extend_from_slice(&encoding);
    }
}

/// The byte that two hexadecimal digits stand for.
pub(super) fn byte(high: u8, low: u8) -> u8 {
    let digit =
        |digit: u8| char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok()).unwrap_or(0);
    digit(high) << 4 | digit(low)
}
