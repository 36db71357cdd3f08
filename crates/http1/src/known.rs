//! The fields that mean something to a proxy.

macro_rules! known {
    ($($(#[$doc:meta])* $variant:ident = $name:literal),+ $(,)?) => {
        /// A field that means something to a proxy, told from others once, when its head is read.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Known {
            $(
                #[doc = concat!("`", $name, "`")]
                $variant,
            )+
            /// Any other.
            Other,
        }

        /// All of them, with their names in lower case.
        const ALL: &[(&str, Known)] = &[$(($name, Known::$variant)),+];
    };
}

known! {
    Te = "te",
    Via = "via",
    Date = "date",
    Host = "host",
    Range = "range",
    Cookie = "cookie",
    Expect = "expect",
    Pragma = "pragma",
    Trailer = "trailer",
    Upgrade = "upgrade",
    IfMatch = "if-match",
    IfRange = "if-range",
    Forwarded = "forwarded",
    Connection = "connection",
    KeepAlive = "keep-alive",
    TraceState = "tracestate",
    BanyanHops = "banyan-hops",
    BanyanUnit = "banyan-unit",
    TraceParent = "traceparent",
    BanyanChaos = "banyan-chaos",
    ContentType = "content-type",
    GrpcTimeout = "grpc-timeout",
    Authorization = "authorization",
    BanyanShadow = "banyan-shadow",
    CacheControl = "cache-control",
    IfNoneMatch = "if-none-match",
    ContentLength = "content-length",
    BanyanDegraded = "banyan-degraded",
    XForwardedFor = "x-forwarded-for",
    XForwardedHost = "x-forwarded-host",
    ProxyConnection = "proxy-connection",
    TransferEncoding = "transfer-encoding",
    XForwardedProto = "x-forwarded-proto",
    IfModifiedSince = "if-modified-since",
    BanyanDeadlineMs = "banyan-deadline-ms",
    ProxyAuthorization = "proxy-authorization",
    IfUnmodifiedSince = "if-unmodified-since",
}

/// Length of the longest of them.
const LONGEST: usize = 19;
/// Where in [`ALL`] the names of each length lie. It is sorted by length.
const BY_LENGTH: [(u8, u8); LONGEST + 1] = by_length();
/// Their names, folded.
const FOLDED: [[u64; 3]; ALL.len()] = {
    let mut folded = [[0; 3]; ALL.len()];
    let mut at = 0;
    while at < ALL.len() {
        folded[at] = fold(ALL[at].0.as_bytes());
        at += 1;
    }
    folded
};

#[expect(clippy::cast_possible_truncation, reason = "there are fewer than 256, which the compiler checks")]
const fn by_length() -> [(u8, u8); LONGEST + 1] {
    assert!(ALL.len() < 256);
    let mut places = [(0, 0); LONGEST + 1];
    let mut at = 0;
    while at < ALL.len() {
        let length = ALL[at].0.len();
        assert!(at == 0 || ALL[at - 1].0.len() <= length, "sorted by length");
        if places[length].1 == 0 {
            places[length].0 = at as u8;
        }
        places[length].1 = at as u8 + 1;
        at += 1;
    }
    places
}

/// A token of up to 24 bytes in three words, letters in lower case: of tokens of one length, only those that differ in
/// nothing but case, or in characters that no name of [`ALL`] has, are folded alike.
const fn fold(name: &[u8]) -> [u64; 3] {
    /// Makes letters lower case, and leaves the hyphen.
    const LOWER: u64 = 0x2020_2020_2020_2020;
    let words = match (name.first_chunk::<8>(), name.last_chunk::<8>()) {
        (Some(first), Some(last)) => {
            let (first, last) = (u64::from_le_bytes(*first), u64::from_le_bytes(*last));
            let middle = if name.len() <= 16 { None } else { name.split_at(8).1.first_chunk::<8>() };
            let middle = match middle {
                Some(middle) => u64::from_le_bytes(*middle),
                None => 0,
            };
            [first, middle, last]
        }
        _ => match (name.first_chunk::<4>(), name.last_chunk::<4>()) {
            (Some(first), Some(last)) => {
                [u32::from_le_bytes(*first) as u64, 0, u32::from_le_bytes(*last) as u64]
            }
            _ => match name {
                [one] => [*one as u64, 0, 0],
                [one, two] => [*one as u64, *two as u64, 0],
                [one, two, three] => [*one as u64, *two as u64, *three as u64],
                _ => [0; 3],
            },
        },
    };
    [words[0] | LOWER, words[1] | LOWER, words[2] | LOWER]
}

impl Known {
    /// Which field a name is, however it is spelled. The name must be a token (RFC 9110 section 5.6.2): what is none may
    /// be taken for one.
    pub fn of(name: &[u8]) -> Self {
        let Some((from, to)) = BY_LENGTH.get(name.len()) else { return Self::Other };
        let (from, to) = (usize::from(*from), usize::from(*to));
        let folded = fold(name);
        let found = FOLDED[from..to].iter().position(|known| *known == folded);
        found.map_or(Self::Other, |at| ALL[from + at].1)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Folding takes no token for another.
        #[test]
        fn a_token_is_known_by_its_name_alone(
            token in "[!#$%&'*+.^_`|~0-9A-Za-z-]{0,24}",
            (at, other) in (any::<prop::sample::Index>(), "[!#$%&'*+.^_`|~0-9A-Za-z-]"),
            near in prop::sample::select(ALL.to_vec()),
        ) {
            let mut nearly = near.0.to_owned();
            let at = at.index(nearly.len());
            nearly.replace_range(at..=at, &other);
            for token in [token, nearly] {
                let named = ALL.iter().find(|(name, _)| name.eq_ignore_ascii_case(&token));
                prop_assert_eq!(Known::of(token.as_bytes()), named.map_or(Known::Other, |named| named.1));
            }
        }
    }

    #[test]
    fn names_are_known_however_they_are_spelled() {
        for (name, known) in ALL {
            assert_eq!(Known::of(name.as_bytes()), *known);
            assert_eq!(Known::of(name.to_uppercase().as_bytes()), *known);
            assert_eq!(Known::of(format!("{name}x").as_bytes()), Known::Other);
        }
        for other in ["", "x", "ab", "hots", "x-request-id", "content_length", &"a".repeat(300)] {
            assert_eq!(Known::of(other.as_bytes()), Known::Other);
        }
    }
}
