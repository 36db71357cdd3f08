//! Tokens of the event queue: which part, which connection.

use mio::Token;

const KEY_BITS: u32 = 32;

/// A part of a rig that has connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// The stub's listening socket.
    Listener,
    /// A connection of the stub.
    Query,
    /// A connection of a caller.
    Caller,
}

/// The token of a connection; keys of slabs are far below 2^32.
pub(crate) fn token(part: Part, key: usize) -> Token {
    Token((part as usize) << KEY_BITS | key)
}

/// What [`token`] was made from.
pub(crate) fn parse(token: Token) -> (Part, usize) {
    let part = match token.0 >> KEY_BITS {
        0 => Part::Listener,
        1 => Part::Query,
        _ => Part::Caller,
    };
    (part, token.0 & ((1 << KEY_BITS) - 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_say_what_they_were_made_from() {
        for part in [Part::Listener, Part::Query, Part::Caller] {
            for key in [0, 123_456, 0xffff_ffff] {
                assert_eq!(parse(token(part, key)), (part, key));
            }
        }
    }
}
