//! The worked example of `docs/flags.md`, row by row.

use banyan_flags::{Context, Definition, ErrorCode, Evaluation, FlagSet};
use serde_json::{Value, json};

/// The flags of the page, with `new-payments` on or off.
fn flags(payments: bool) -> Result<FlagSet, String> {
    let flags = [
        json!({ "key": "new-payments", "percent": "100%", "enabled": payments }),
        json!({
            "key": "new-checkout",
            "description": "The checkout on one page.",
            "percent": "1%",
            "segments": [
                { "name": "staff", "when": [{ "attribute": "email", "suffix": "@example.org" }], "variant": "on" },
                {
                    "name": "recent-dach",
                    "when": [
                        { "attribute": "country", "in": ["de", "at", "ch"] },
                        { "attribute": "app.version", "semver": ">=2.1" },
                    ],
                    "percent": "10%",
                },
            ],
            "prerequisites": [{ "flag": "new-payments", "variant": "on" }],
        }),
    ];
    let read = |flag: &Value| Definition::read(flag).map_err(|faults| format!("{faults:?}"));
    let definitions = flags.iter().map(read).collect::<Result<_, _>>()?;
    FlagSet::new(definitions, &[]).map_err(|faults| format!("{faults:?}"))
}

/// Value, reason, segment, bucket.
fn told<'a>(said: &Evaluation<'a>) -> (Option<bool>, &'static str, Option<&'a str>, Option<u16>) {
    (said.as_bool().ok(), said.reason.as_str(), said.segment, said.bucket.map(|bucket| bucket.index()))
}

#[test]
fn the_page_says_what_the_library_says() {
    let set = flags(true).unwrap();
    for (context, expected) in [
        (
            json!({ "targetingKey": "user-1", "email": "a@example.org", "country": "de" }),
            (Some(true), "TARGETING_MATCH", Some("staff"), None),
        ),
        (
            json!({ "targetingKey": "user-1", "country": "de", "app": { "version": "2.4.0" } }),
            (Some(true), "SPLIT", Some("recent-dach"), Some(319)),
        ),
        (
            json!({ "targetingKey": "user-1", "country": "de", "app": { "version": "2.0.9" } }),
            (Some(false), "SPLIT", None, Some(319)),
        ),
        (json!({ "country": "fr" }), (None, "ERROR", None, None)),
        (json!({ "email": "a@example.org" }), (Some(true), "TARGETING_MATCH", Some("staff"), None)),
    ] {
        let context = Context::from_json(&context).unwrap();
        assert_eq!(told(&set.evaluate("new-checkout", &context)), expected, "{context:?}");
    }
    let france = Context::from_json(&json!({ "country": "fr" })).unwrap();
    let nobody = set.evaluate("new-checkout", &france);
    assert_eq!(nobody.error_code(), Some(ErrorCode::TargetingKeyMissing));
}

#[test]
fn without_the_new_payments_nobody_has_the_new_checkout() {
    let set = flags(false).unwrap();
    let staff = Context::from_pairs(Some("user-1"), [("email", json!("a@example.org"))]).unwrap();
    let said = set.evaluate("new-checkout", &staff);
    assert_eq!((told(&said), said.unmet), ((Some(false), "DISABLED", None, None), Some("new-payments")));
}
