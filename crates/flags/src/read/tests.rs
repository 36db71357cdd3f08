use serde_json::{Value, json};

use crate::{Definition, Fault, Kind, Overlap, Percent, Serve};

fn good(value: &Value) -> Definition {
    Definition::read_as("f", value).unwrap_or_else(|faults| panic!("{value}: {faults:?}"))
}

fn faults(value: &Value) -> Vec<Fault> {
    Definition::read_as("f", value).map_or_else(|faults| faults, |_| panic!("{value} was taken"))
}

/// Places and starts of what is wrong, in order.
#[track_caller]
fn refuses(value: &Value, expected: &[(&str, &str)]) {
    let faults = faults(value);
    let found = faults.iter().map(|fault| (&*fault.pointer, &*fault.what)).collect::<Vec<_>>();
    let alike = found.len() == expected.len()
        && found
            .iter()
            .zip(expected)
            .all(|((at, what), (pointer, part))| at == pointer && what.contains(part));
    assert!(alike, "{value}\n{found:#?}\ninstead of\n{expected:#?}");
}

#[test]
fn a_flag_without_anything_is_a_boolean_that_is_on_and_serves_off() {
    let flag = good(&json!({}));
    assert!(flag.enabled());
    assert_eq!((flag.kind(), flag.key(), flag.salt()), (Kind::Boolean, "f", "f"));
    assert_eq!((&*flag.default_variant().name, &*flag.off_variant().name), ("off", "off"));
    assert_eq!(flag.default_variant().value, json!(false));
}

#[test]
fn a_percentage_is_the_share_that_gets_true() {
    let flag = good(&json!({ "percent": "5%" }));
    assert_eq!(flag.percent().map(Percent::basis_points), Some(500));
    let Serve::Percent { inside, outside, .. } = *flag.serve() else { panic!("{flag:?}") };
    assert_eq!((&*flag.variants()[inside].name, &*flag.variants()[outside].name), ("on", "off"));
    let named = good(&json!({ "variants": { "new": true, "old": false }, "percent": "5%" }));
    assert_eq!((&*named.default_variant().name, &*named.off_variant().name), ("old", "old"));
}

#[test]
fn a_multivariate_flag_is_off_at_its_default() {
    let flag = good(&json!({ "variants": { "a": 1, "b": 2.5 }, "default": "b" }));
    assert_eq!((flag.kind(), &*flag.off_variant().name), (Kind::Number, "b"));
    let split = good(&json!({ "variants": { "a": {}, "b": {} }, "off": "a",
        "split": [{ "variant": "a", "percent": "0.01%" }, { "variant": "b", "percent": "99.99%" }] }));
    assert_eq!((&*split.default_variant().name, &*split.off_variant().name), ("b", "a"));
}

#[test]
fn keys_are_checked() {
    for key in ["a", "0", "a.b_c-d", &"x".repeat(128)] {
        assert!(Definition::read_as(key, &json!({})).is_ok(), "{key}");
    }
    for key in ["", ".a", "-a", "_a", "A", "a b", "ä", "a/b", "unit.articles", &"x".repeat(129)] {
        let faults = Definition::read_as(key, &json!({})).unwrap_err();
        assert_eq!((faults.len(), &*faults[0].pointer), (1, ""), "{key}: {faults:?}");
        assert!(Definition::read(&json!({ "key": key })).is_err(), "{key}");
    }
    let inside = |value: Value| Definition::read(&value).unwrap_err().remove(0).pointer;
    assert_eq!(inside(json!({})), "");
    assert_eq!(inside(json!({ "key": "" })), "");
    assert_eq!(inside(json!({ "key": 7 })), "/key");
    assert_eq!(inside(json!({ "key": "A" })), "/key");
    refuses(&json!({ "key": "other" }), &[("/key", "outside")]);
    assert!(Definition::read_as("f", &json!({ "key": "f" })).is_ok());
}

#[test]
fn slips_of_the_pen_are_told_with_what_was_meant() {
    let all = faults(&json!({ "precent": "5%", "segments": [{ "name": "s", "wen": [], "variant": "on" }] }));
    let hints =
        all.iter().map(|fault| (&*fault.pointer, fault.hint.as_deref().unwrap_or(""))).collect::<Vec<_>>();
    assert_eq!(hints[0], ("/precent", "did you mean 'percent'?"));
    assert_eq!(hints[1], ("/segments/0/wen", "did you mean 'when'?"));
    assert_eq!(faults(&json!({ "default": "onn" }))[0].hint.as_deref(), Some("did you mean 'on'?"));
}

#[test]
fn everything_that_is_wrong_is_told_at_once() {
    refuses(
        &json!({ "enabled": "yes", "percent": "5", "salt": 7, "segments": [{ "when": [{ "attribute": "a" }] }] }),
        &[
            ("/enabled", "true or false"),
            ("/percent", "'5' is no percentage"),
            ("/salt", "salt is a text"),
            ("/segments/0", "name is missing"),
            ("/segments/0/when/0", "asks nothing"),
            ("/segments/0", "does not say what its members get"),
        ],
    );
}

#[test]
fn variants_are_checked() {
    refuses(&json!({ "variants": [] }), &[("/variants", "an object of values by name")]);
    refuses(&json!({ "variants": {} }), &[("/variants", "1 to 64 variants")]);
    refuses(
        &json!({ "variants": { "a": 1, "b": "x" }, "default": "b" }),
        &[("/variants/b", "is a text, and that of 'a' is a number")],
    );
    refuses(&json!({ "variants": { "a": [1] } }), &[("/variants/a", "not a list")]);
    refuses(&json!({ "variants": { "": 1, "b": 1 }, "default": "b" }), &[("/variants/", "no name")]);
    refuses(
        &json!({ "variants": { "a": "x".repeat(20_000) }, "default": "a" }),
        &[("/variants/a", "20002 bytes")],
    );
    let deep = (0..20).fold(json!(0), |inner, _| json!({ "a": inner }));
    refuses(&json!({ "variants": { "a": deep }, "default": "a" }), &[("/variants/a", "nested")]);
    refuses(&json!({ "variants": { "a": 1 } }), &[("", "no default")]);
    refuses(&json!({ "variants": { "a": true, "b": true } }), &[("", "no default")]);
    refuses(&json!({ "variants": { "a": 1 }, "default": "b" }), &[("/default", "no variant 'b'")]);
    refuses(&json!({ "variants": { "a": 1 }, "default": "" }), &[("", "no default")]);
    refuses(&json!({ "off": "x" }), &[("/off", "no variant 'x'")]);
}

#[test]
fn shares_are_checked() {
    let of = |serve: Value| {
        let mut flag = json!({ "variants": { "a": 1, "b": 2 } });
        flag.as_object_mut().unwrap().extend(serve.as_object().unwrap().clone());
        flag
    };
    let split = |a: &str, b: &str| {
        of(json!({ "split": [{ "variant": "a", "percent": a }, { "variant": "b", "percent": b }] }))
    };
    good(&split("30%", "70%"));
    refuses(&split("30%", "69.99%"), &[("/split", "add up to 99.99%")]);
    refuses(&split("60%", "60%"), &[("/split", "add up to 120.00%")]);
    refuses(&split("101%", "0%"), &[("/split/0/percent", "'101%'")]);
    refuses(&of(json!({ "split": { "a": "30%", "b": "70%" } })), &[("/split", "order decides")]);
    refuses(&of(json!({ "split": [] })), &[("/split", "add up to 0.00%")]);
    refuses(
        &of(json!({ "split": [{ "variant": "c", "percent": "100%" }] })),
        &[("/split/0/variant", "no variant 'c'")],
    );
    refuses(
        &of(json!({ "split": [{ "percent": "100%" }, 7] })),
        &[("/split/0", "variant is missing"), ("/split/1", "not a number")],
    );
    refuses(&of(json!({ "percent": "5%" })), &[("/percent", "one true and one false")]);
    refuses(&json!({ "percent": 5 }), &[("/percent", "no percent sign")]);
    refuses(&json!({ "percent": "5%", "split": [] }), &[("/split", "contradict")]);
    refuses(&json!({ "percent": "5%", "default": "on" }), &[("/default", "goes to 'off'")]);
    good(&json!({ "percent": "5%", "default": "off" }));
}

#[test]
fn segments_are_checked() {
    let of = |segment: Value| json!({ "segments": [segment] });
    let when = json!([{ "attribute": "a", "equals": 1 }]);
    good(&of(json!({ "name": "s", "when": when, "percent": "5%" })));
    refuses(&of(json!({ "name": "s", "when": when })), &[("/segments/0", "does not say")]);
    refuses(
        &of(json!({ "name": "s", "when": when, "variant": "" })),
        &[("/segments/0", "variant is missing")],
    );
    refuses(
        &of(json!({ "name": "s", "when": when, "variant": "x" })),
        &[("/segments/0/variant", "no variant 'x'")],
    );
    refuses(&of(json!({ "name": "s", "variant": "on" })), &[("/segments/0", "no conditions")]);
    refuses(&of(json!({ "name": "s", "when": [], "variant": "on" })), &[("/segments/0", "no conditions")]);
    refuses(&of(json!({ "name": "s", "when": {}, "variant": "on" })), &[("/segments/0/when", "is a list")]);
    refuses(
        &of(json!({ "name": "s", "when": when, "variant": "on", "percent": "5%" })),
        &[("/segments/0/variant", "contradict")],
    );
    refuses(&json!({ "segments": 7 }), &[("/segments", "is a list")]);
    let other = json!([{ "attribute": "b", "equals": 1 }]);
    refuses(
        &json!({ "segments": [{ "name": "s", "when": when, "variant": "on" }, { "name": "s", "when": other, "variant": "on" }] }),
        &[("/segments/1/name", "'s' already")],
    );
}

#[test]
fn conditions_are_checked() {
    for (condition, at, what) in [
        (json!({}), "", "attribute is missing"),
        (json!({ "attribute": "a" }), "", "asks nothing"),
        (json!({ "equals": 1 }), "", "attribute is missing"),
        (json!({ "attribute": "a", "equals": [] }), "/equals", "not a list"),
        (json!({ "attribute": "a", "in": [] }), "/in", "empty list"),
        (json!({ "attribute": "a", "in": "de" }), "/in", "is a list"),
        (json!({ "attribute": "a", "in": ["x", {}] }), "/in/1", "not an object"),
        (json!({ "attribute": "a", "in": vec![1; 257] }), "/in", "257 entries"),
        (json!({ "attribute": "a", "prefix": "" }), "/prefix", "1 to 256"),
        (json!({ "attribute": "a", "suffix": 1 }), "/suffix", "not a number"),
        (json!({ "attribute": "a", "semver": ">=" }), "/semver", "no range of versions"),
        (json!({ "attribute": "a", "range": {} }), "/range", "no limit"),
        (json!({ "attribute": "a", "range": { "from": "1" } }), "/range/from", "not a text"),
        (json!({ "attribute": "a", "range": { "from": 3, "to": 3.0 } }), "/range", "no number"),
        (json!({ "attribute": "a", "exists": "yes" }), "/exists", "true or false"),
        (json!({ "attribute": "a", "equals": 1, "prefix": "x" }), "/prefix", "equals and prefix"),
        (json!({ "attribute": "a", "not_equals": 1, "not": true }), "/not", "negated twice"),
        (json!({ "attribute": "x".repeat(257), "exists": true }), "/attribute", "longer than 256"),
        (json!({ "attribute": "a", "contains": "x" }), "/contains", "no 'contains'"),
    ] {
        let flag = json!({ "segments": [{ "name": "s", "when": [condition], "variant": "on" }] });
        let faults = faults(&flag);
        let first = faults.first().map(|fault| (&*fault.pointer, &*fault.what)).unwrap();
        assert!(
            first.0 == format!("/segments/0/when/0{at}") && first.1.contains(what),
            "{condition}: {first:?}"
        );
    }
}

#[test]
fn prerequisites_and_metadata_are_checked() {
    good(
        &json!({ "prerequisites": [{ "flag": "g", "variant": "on" }], "metadata": { "team": "x", "n": 1, "b": true } }),
    );
    refuses(
        &json!({ "prerequisites": [{ "flag": "g", "variant": "on" }, { "flag": "g", "variant": "off" }, {}] }),
        &[
            ("/prerequisites/1/flag", "'g' is a prerequisite already"),
            ("/prerequisites/2", "flag is missing"),
            ("/prerequisites/2", "variant is missing"),
        ],
    );
    refuses(&json!({ "metadata": { "a/b": [] } }), &[("/metadata/a~1b", "not a list")]);
    refuses(&json!({ "metadata": [] }), &[("/metadata", "is an object")]);
}

#[test]
fn overlapping_segments_name_both_and_a_context() {
    let flag = |overlap: Value| {
        json!({ "overlap": overlap, "segments": [
        { "name": "dach", "when": [{ "attribute": "country", "in": ["de", "at", "ch"] }], "variant": "on" },
        { "name": "germany", "when": [{ "attribute": "country", "equals": "de" }], "percent": "5%" },
    ] })
    };
    let faults = faults(&flag(json!(null)));
    assert_eq!((faults.len(), &*faults[0].pointer), (1, "/segments/1"));
    assert_eq!(faults[0].what, "segments 'dach' and 'germany' overlap: both match country = \"de\"");
    assert!(faults[0].hint.as_deref().unwrap().contains("overlap: first"));
    assert_eq!(good(&flag(json!("first"))).overlap(), Overlap::First);
    refuses(&flag(json!("last")), &[("/overlap", "'last'"), ("/segments/1", "overlap")]);
}

#[test]
fn texts_are_what_they_seem() {
    refuses(&json!({ "salt": " a" }), &[("/salt", "space")]);
    refuses(&json!({ "salt": "a\u{0}" }), &[("/salt", "control")]);
    refuses(&json!({ "default": true }), &[("/default", "a text, not a boolean")]);
    assert_eq!(good(&json!({ "description": "two\nlines\n" })).description(), "two\nlines");
    assert_eq!(good(&json!({ "salt": "f" })), good(&json!({})));
}

#[test]
fn a_changed_percentage_is_the_only_change() {
    let percent = |text: &str| text.parse::<Percent>().unwrap();
    let five = good(&json!({ "percent": "5%", "enabled": false }));
    let ten = five.clone().with_percent(percent("10%")).unwrap();
    assert_eq!(ten, good(&json!({ "percent": "10%", "enabled": false })));
    assert_eq!(ten.with_enabled(true), good(&json!({ "percent": "10%" })));
    assert_eq!(good(&json!({})).with_percent(percent("5%")).unwrap(), good(&json!({ "percent": "5%" })));
    for fixed in [
        json!({ "default": "on" }),
        json!({ "variants": { "a": 1 }, "default": "a" }),
        json!({ "split": [{ "variant": "on", "percent": "100%" }] }),
    ] {
        let fault = good(&fixed).with_percent(percent("5%")).unwrap_err();
        assert_eq!(fault.pointer, "/percent", "{fixed}");
    }
}
