use super::*;

const SECRET: Secret = Secret::new([7; 16]);

fn path(path: &str) -> Key {
    KeyBuilder::new().path(path).finish(&SECRET)
}

fn query(text: &str, wanted: &[&str]) -> Key {
    KeyBuilder::new().query(Some(text), QueryPart::Only(wanted)).finish(&SECRET)
}

#[test]
fn hosts_are_insensitive_to_case_and_paths_are_not() {
    let host = |host: &str| KeyBuilder::new().host(host).finish(&SECRET);
    assert_eq!(host("A.Example:80"), host("a.example:80"));
    assert_ne!(host("a.example"), host("b.example"));
    assert_ne!(path("/A"), path("/a"));
}

#[test]
fn rfc3986_6_2_2_ways_of_encoding_the_same_character_are_the_same() {
    assert_eq!(path("/%7Eusers/%41"), path("/~users/A"));
    assert_eq!(path("/a%2fb"), path("/a%2Fb"));
    assert_ne!(path("/a%2Fb"), path("/a/b"), "an encoded slash is no slash");
    assert_ne!(path("/a%25"), path("/a%"), "a sign is not its encoding");
    assert_eq!(path("/%zz%4"), path("/%zz%4"));
    assert_ne!(path("/%2541"), path("/A"), "nothing is decoded twice");
}

#[test]
fn what_paths_mean_beyond_that_is_the_origins_to_say() {
    assert_ne!(path("/a//b"), path("/a/b"));
    assert_ne!(path("/a/../b"), path("/b"));
}

#[test]
fn sides_never_share_an_answer() {
    assert_ne!(KeyBuilder::new().side(0).finish(&SECRET), KeyBuilder::new().side(1).finish(&SECRET));
}

#[test]
fn the_whole_query_counts_unless_it_is_told_otherwise() {
    let whole = |text: Option<&str>| KeyBuilder::new().query(text, QueryPart::Whole).finish(&SECRET);
    assert_ne!(whole(Some("a=1&b=2")), whole(Some("b=2&a=1")));
    assert_ne!(whole(Some("")), whole(None));
    let none = |text: Option<&str>| KeyBuilder::new().query(text, QueryPart::Nothing).finish(&SECRET);
    assert_eq!(none(Some("a=1")), none(None));
}

#[test]
fn chosen_parameters_count_in_any_place_and_others_do_not() {
    assert_eq!(
        query("utm_x=1&lang=de&page=2", &["page", "lang"]),
        query("page=2&lang=de", &["page", "lang"])
    );
    assert_ne!(query("lang=de", &["lang"]), query("lang=en", &["lang"]));
    assert_ne!(query("lang=de&lang=en", &["lang"]), query("lang=en&lang=de", &["lang"]));
    assert_ne!(query("lang", &["lang"]), query("lang=", &["lang"]));
    assert_ne!(query("x=1", &["lang"]), query("lang=", &["lang"]), "absent is not empty");
}

#[test]
fn a_query_that_two_parsers_could_read_differently_counts_whole() {
    let plain = query("x=1", &["lang"]);
    for text in [
        "x=1;lang=de",
        "x=1&l%61ng=de",
        "x=1&LANG=de",
        "x=1&lang[]=de",
        "x=1&lang.a=de",
        "x=1&+lang=de",
        "x=1&=1",
    ] {
        assert_ne!(query(text, &["lang"]), plain, "{text}");
        assert_ne!(query(text, &["lang"]), query("x=1&lang=de", &["lang"]), "{text}");
    }
}

#[test]
fn no_text_can_pass_for_another_part() {
    let bytes = |extras: &[(&str, Option<&[u8]>)]| {
        let key = extras.iter().fold(KeyBuilder::new(), |key, (name, value)| key.extra(name, *value));
        key.as_bytes().to_vec()
    };
    assert_ne!(bytes(&[("a", Some(b"b")), ("c", None)]), bytes(&[("a", Some(b"bc")), ("", None)]));
    assert_ne!(bytes(&[("a", None)]), bytes(&[("a", Some(b""))]));
    assert_ne!(bytes(&[("a", Some(b"b"))]), bytes(&[("a", None), ("b", None)]), "kinds are told apart");
    // A value that ends the way the next part begins.
    let mut forged = b"x".to_vec();
    forged.extend_from_slice(&bytes(&[("b", None)]));
    assert_ne!(bytes(&[("a", Some(&forged))]), bytes(&[("a", Some(b"x")), ("b", None)]), "lengths end parts");
}

#[test]
fn long_parts_have_long_lengths_and_are_told_apart_too() {
    let bytes = |one: usize, other: usize| {
        KeyBuilder::new().path(&"x".repeat(one)).path(&"x".repeat(other)).as_bytes().to_vec()
    };
    let lengths = [0, 1, 253, 254, 255, 256, 257, 65_535, 65_536];
    let all: std::collections::HashSet<_> =
        lengths.iter().flat_map(|one| lengths.iter().map(|other| bytes(*one, *other))).collect();
    assert_eq!(all.len(), lengths.len() * lengths.len());
}

#[test]
fn no_text_can_pass_for_another_part_behind_a_long_one() {
    let value = |value: &[u8]| KeyBuilder::new().extra("", Some(value));
    let follower = KeyBuilder::new().extra("twenty bytes of name", None);
    let after = |text: &[u8]| value(text).extra("twenty bytes of name", None).as_bytes().to_vec();
    let long = [b'x'; 300];
    let forged = [&long[..], follower.as_bytes()].concat();
    assert_ne!(after(&long), value(&forged).as_bytes(), "a long length ends its part");
    // 255 bytes that begin like the length of a longer part.
    let tail = [b'x'; 247];
    let forged = [&tail[..], follower.as_bytes()].concat();
    let begins_like_one = [&(forged.len() as u64).to_le_bytes()[..], &tail].concat();
    assert_eq!(begins_like_one.len(), 255);
    assert_ne!(
        after(&begins_like_one),
        value(&forged).as_bytes(),
        "what says that a length is long is no length"
    );
}

#[test]
fn another_secret_makes_other_keys() {
    assert_ne!(path("/"), KeyBuilder::new().path("/").finish(&Secret::new([8; 16])));
    assert_eq!(format!("{SECRET:?}"), "Secret");
}

#[test]
fn a_variant_has_a_key_of_its_own() {
    let mut answer = http::HeaderMap::new();
    answer.insert("vary", http::HeaderValue::from_static("foo"));
    let names = crate::Names::of(&answer).unwrap();
    let variant = |value: &'static str| {
        let mut request = http::HeaderMap::new();
        request.insert("foo", http::HeaderValue::from_static(value));
        path("/").of_variant(&names.variant(&request).unwrap(), &SECRET)
    };
    assert_ne!(variant("1"), variant("2"));
    assert_ne!(variant("1"), path("/"));
}
