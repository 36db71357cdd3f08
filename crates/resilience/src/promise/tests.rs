use super::*;

#[test]
fn without_a_list_any_status_below_500_is_kept() {
    let promise = Promise::new();
    for status in [200, 204, 301, 304, 404, 429, 499] {
        assert_eq!(promise.check(status, None, b"anything"), Ok(()), "{status}");
    }
    for status in [500, 502, 503, 599] {
        assert_eq!(promise.check(status, None, b""), Err(Breach::Status(status)));
    }
    assert!(!promise.needs_body());
}

#[test]
fn with_a_list_nothing_else_is() {
    let promise = Promise::new().with_status(404).unwrap().with_statuses(200..=204).unwrap();
    for status in [200, 201, 204, 404] {
        assert_eq!(promise.check_head(status, None), Ok(()), "{status}");
    }
    for status in [199, 205, 206, 302, 403, 405, 500] {
        assert_eq!(promise.check_head(status, None), Err(Breach::Status(status)), "{status}");
    }
    // Even a failure may be promised.
    assert_eq!(Promise::new().with_status(503).unwrap().check_head(503, None), Ok(()));
}

#[test]
fn content_types_are_compared_by_their_essence() {
    let promise = Promise::new().with_content_type("Application/JSON").unwrap();
    for kept in
        ["application/json", "APPLICATION/JSON", "application/json;charset=utf-8", " application/json ; a=b"]
    {
        assert_eq!(promise.check_head(200, Some(kept)), Ok(()), "{kept}");
    }
    for broken in
        ["text/html", "application/problem+json", "application/jsonp", "", ";", "application/json, text/html"]
    {
        assert!(promise.check_head(200, Some(broken)).is_err(), "{broken}");
    }
    let breach = |given| promise.check_head(200, given).unwrap_err().to_string();
    assert_eq!(breach(Some("text/html; charset=utf-8")), "text/html instead of application/json");
    assert_eq!(breach(None), "no content type instead of application/json");
    // Nothing that could break a log line, and nothing long.
    assert_eq!(breach(Some("a\r\nb")), "something else instead of application/json");
    assert_eq!(breach(Some(&format!("a/{}", "b".repeat(63)))), "something else instead of application/json");
}

#[test]
fn errors_and_answers_without_a_whole_body_may_have_any_content_type() {
    let promise = Promise::new().with_content_type("application/json").unwrap();
    for status in [204, 205, 206, 304, 404] {
        assert_eq!(promise.check_head(status, Some("text/html")), Ok(()), "{status}");
        assert_eq!(promise.check_head(status, None), Ok(()), "{status}");
    }
    for status in [200, 201, 203, 207, 299] {
        assert!(promise.check_head(status, None).is_err(), "{status}");
    }
}

#[test]
fn what_no_answer_can_keep_is_refused() {
    for (first, last) in [(0, 0), (100, 100), (199, 199), (600, 600), (200, 600), (100, 200), (300, 200)] {
        let error = Promise::new().with_statuses(first..=last).unwrap_err();
        assert_eq!(error, SettingsError::Statuses(first, last));
        assert!(error.to_string().contains("choose"), "{error}");
    }
    for essence in ["", "json", "application/", "/json", "a/b; c=d", "a/b/c", "a b/c", "ä/b"] {
        let error = Promise::new().with_content_type(essence).unwrap_err();
        assert!(error.to_string().contains("write type/subtype"), "{error}");
    }
}

#[cfg(feature = "json")]
mod json {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn json() -> Promise {
        Promise::new().with_json()
    }

    fn required(pointer: &str) -> Promise {
        Promise::new().with_required(pointer).unwrap()
    }

    fn breach(promise: &Promise, body: &str) -> String {
        promise.check(200, None, body.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn half_a_document_is_a_breach_that_says_where_it_ends() {
        for promise in [json(), required("/id")] {
            assert_eq!(
                breach(&promise, r#"{"id": 1, "items": {"#),
                "not JSON: EOF while parsing an object at line 1 column 20"
            );
            assert_eq!(breach(&promise, ""), "not JSON: EOF while parsing a value at line 1 column 0");
            assert_eq!(breach(&promise, "<html>"), "not JSON: expected value at line 1 column 1");
            assert_eq!(breach(&promise, "{} {}"), "not JSON: trailing characters at line 1 column 4");
        }
    }

    #[test]
    fn only_json_in_utf_8_is_json() {
        for body in ["{}", "[]", "null", "7", "\"x\"", " \n{\"a\": [1, 2.5e3, true, \"\\u00e9 é\"]}\n"] {
            assert_eq!(json().check(200, None, body.as_bytes()), Ok(()), "{body}");
        }
        for body in ["{a: 1}", "{'a': 1}", "[1,]", "01", "+1", "NaN", "\"a\nb\"", "\u{feff}{}", "// no\n{}"] {
            assert!(json().check(200, None, body.as_bytes()).is_err(), "{body:?}");
        }
        let latin_1 = b"{\"name\": \"Ren\xe9\"}";
        let breach = json().check(200, None, latin_1).unwrap_err();
        assert_eq!(breach.to_string(), "not JSON: not UTF-8 after 13 bytes");
    }

    #[test]
    fn deep_nesting_overflows_nothing() {
        let deep = "[".repeat(100_000) + &"]".repeat(100_000);
        for promise in [json(), required(""), required("/0/0")] {
            assert_eq!(promise.check(200, None, deep.as_bytes()), Ok(()));
        }
        assert_eq!(breach(&required("/0/1"), &deep), "required /0/1 is missing");
        let far = "/0".repeat(1_000);
        assert!(breach(&required(&far), &deep).starts_with("not JSON: recursion limit exceeded"));
    }

    #[test]
    fn of_two_members_of_one_name_the_last_counts() {
        let promise = required("/user/id");
        for (body, is_kept) in [
            (r#"{"user": {}, "user": {"id": 1}}"#, true),
            (r#"{"user": {"id": 1}, "user": {}}"#, false),
            (r#"{"user": {"id": 1}, "user": 7}"#, false),
            (r#"{"user": {"id": 1}, "us\u0065r": {"id": 2}}"#, true),
        ] {
            assert_eq!(promise.check(200, None, body.as_bytes()).is_ok(), is_kept, "{body}");
        }
    }

    #[test]
    fn one_pointer_may_lead_through_another() {
        let promise = required("/a").with_required("/a/b/0").unwrap().with_required("/a/b").unwrap();
        assert_eq!(promise.check(200, None, br#"{"a": {"b": [1]}}"#), Ok(()));
        assert_eq!(breach(&promise, r#"{"a": {"b": []}}"#), "required /a/b/0 is missing");
        assert_eq!(breach(&promise, "{}"), "required /a is missing");
        // A name that looks like an index is one or the other, by what it leads into.
        assert_eq!(required("/0").check(200, None, br#"{"0": 1}"#), Ok(()));
        assert_eq!(required("/0").check(200, None, b"[1]"), Ok(()));
    }

    #[test]
    fn required_values_are_found_by_their_pointers() {
        let body = br#"{"id": null, "items": [{"a/b": 1, "m~n": 2}], "": 3}"#;
        for kept in ["", "/id", "/items/0", "/items/0/a~1b", "/items/0/m~0n", "/"] {
            assert_eq!(required(kept).check(200, None, body), Ok(()), "{kept}");
        }
        for missing in ["/ID", "/items/1", "/items/-", "/items/00", "/id/x", "/items/0/a"] {
            let breach = required(missing).check(200, None, body).unwrap_err();
            assert_eq!(breach.to_string(), format!("required {missing} is missing"));
        }
        let both = required("/id").with_required("/name").unwrap();
        assert!(both.required().eq(["/id", "/name"]));
        assert_eq!(both.check(200, None, body), Err(Breach::Missing("/name".into())));
    }

    #[test]
    fn what_is_no_pointer_is_refused() {
        for pointer in ["id", "id/x", "#/id", "/a~", "/a~2", "/~a/b"] {
            let error = Promise::new().with_required(pointer).unwrap_err();
            assert_eq!(error, SettingsError::Pointer(pointer.to_owned()));
            assert!(error.to_string().contains("begin with a slash"), "{error}");
        }
    }

    #[test]
    fn bodies_are_judged_where_they_were_promised_and_nowhere_else() {
        let promise = required("/id");
        assert!(promise.needs_body() && promise.needs_body_of(200));
        for status in [204, 205, 206, 301, 304, 400, 404, 499] {
            assert!(!promise.needs_body_of(status), "{status}");
            assert_eq!(promise.check(status, None, b"<html>"), Ok(()), "{status}");
        }
        assert_eq!(promise.check(500, None, b"{\"id\": 1}"), Err(Breach::Status(500)));
        assert!(promise.check(201, None, b"<html>").is_err());
    }

    #[test]
    fn the_head_is_judged_before_the_body() {
        let promise = json().with_content_type("application/json").unwrap();
        let breach = promise.check(200, Some("text/html"), b"<html>").unwrap_err();
        assert_eq!(breach.as_str(), "content-type");
    }

    fn documents() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            ".{0,8}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 5, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                proptest::collection::hash_map(".{0,6}", inner, 0..5)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn every_document_is_kept_and_every_part_of_one_is_a_breach(document in documents(), cut: prop::sample::Index) {
            let text = json!({ "id": document }).to_string();
            for promise in [json(), required("/id")] {
                prop_assert_eq!(promise.check(200, None, text.as_bytes()), Ok(()));
                let part = &text.as_bytes()[..cut.index(text.len())];
                prop_assert_eq!(promise.check(200, None, part).unwrap_err().as_str(), "json");
            }
        }

        #[test]
        fn a_breach_never_shows_what_was_in_the_body(noise in "[#-&]{0,12}", at in 0_usize..40) {
            const SECRET: &str = "hunter2";
            let mut body = format!(r#"{{"{SECRET}": "{SECRET}", "n": [1, "{SECRET}"]}}"#);
            body.insert_str(at.min(body.len()), &noise);
            for promise in [json(), required("/id"), required("/n/7")] {
                if let Err(breach) = promise.check(200, None, body.as_bytes()) {
                    let shown = format!("{breach} {breach:?}");
                    prop_assert!(!shown.contains(SECRET), "{}", shown);
                }
            }
        }

        #[test]
        fn no_bytes_panic(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let expected = serde_json::from_slice::<Value>(&body).is_ok();
            let is_json = json().check(200, None, &body).is_ok();
            prop_assert!(is_json >= expected);
            prop_assert_eq!(required("").check(200, None, &body).is_ok(), is_json);
        }

        #[test]
        fn pointers_lead_where_they_lead_in_a_document_that_was_built(
            document in documents(), tokens in proptest::collection::vec("[ab0-2/~]{0,2}", 0..4), spare: bool,
        ) {
            let pointer: String =
                tokens.iter().map(|token| format!("/{}", token.replace('~', "~0").replace('/', "~1"))).collect();
            // Half the time a document in which it leads somewhere for a part of the way.
            let document = if spare { document } else {
                tokens.iter().skip(1).rev().fold(document, |inner, token| match token.parse::<usize>() {
                    Ok(index) if index < 3 => json!(vec![inner; index + 1]),
                    _ => json!({ token.clone(): inner, "z": 1 }),
                })
            };
            let document = json!({ tokens.first().cloned().unwrap_or_default(): document });
            let found = required(&pointer).check(200, None, document.to_string().as_bytes()).is_ok();
            prop_assert_eq!(found, document.pointer(&pointer).is_some(), "{} in {}", pointer, document);
        }
    }
}

#[cfg(feature = "schema")]
mod schema {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_schema_is_kept_or_broken_at_a_place_of_its_own() {
        let schema = json!({
            "type": "object",
            "required": ["id"],
            "properties": { "id": { "type": "integer", "minimum": 1 }, "name": { "type": "string" } },
        });
        let promise = Promise::new().with_schema(&schema).unwrap();
        assert!(promise.needs_body());
        assert_eq!(promise.check(200, None, br#"{"id": 7}"#), Ok(()));
        for (body, rule) in [
            (r#"{"id": 0}"#, "/properties/id/minimum"),
            (r#"{"id": "hunter2"}"#, "/properties/id/type"),
            (r#"{"hunter2": 1}"#, "/required"),
            ("[]", "/type"),
        ] {
            let breach = promise.check(200, None, body.as_bytes()).unwrap_err();
            assert_eq!(breach.to_string(), format!("breaks the schema at {rule}"));
        }
        assert_eq!(promise.check(200, None, b"{").unwrap_err().as_str(), "json");
        assert_eq!(promise.check(404, None, b"[]"), Ok(()));
    }

    #[test]
    fn what_is_no_schema_is_refused_and_nothing_is_fetched() {
        for schema in [json!({ "type": 5 }), json!({ "$ref": "https://example.com/schema.json" })] {
            let error = Promise::new().with_schema(&schema).unwrap_err();
            assert!(matches!(&error, SettingsError::Schema(why) if !why.is_empty()), "{error}");
        }
    }
}
