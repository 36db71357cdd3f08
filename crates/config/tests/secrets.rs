//! Reports are shown where the file is not: no password of the file is in them.

use banyan_config::Report;
use proptest::prelude::*;

const PASSWORD: &str = "S3CRETW0RD";

/// All that anybody may be shown of a report.
fn shown(report: &Report) -> String {
    format!("{report}\n{report:?}\n{}", report.to_json())
}

#[track_caller]
fn refused(text: &str) -> String {
    let report = banyan_config::parse("x.yaml", text).expect_err("this is no config");
    let shown = shown(&report);
    assert!(!shown.contains(PASSWORD), "{shown}");
    shown
}

fn with_endpoint(endpoint: &str) -> String {
    format!(
        "version: 1\nlisten: 127.0.0.1:0\nupstreams: {{ a: {{ endpoints: [ {endpoint} ] }} }}\nroutes: [ {{ match: \"* /\", to: a }} ]\n"
    )
}

#[test]
fn an_endpoint_with_credentials_is_refused_and_they_are_not_repeated() {
    for endpoint in [
        format!("\"http://user:{PASSWORD}@a:7001\""),
        format!("\"https://{PASSWORD}@a\""),
        format!("\"user:{PASSWORD}@a:7001\""),
        format!("'http://user:{PASSWORD}/x@a'"),
        format!("\"http://user:{PASSWORD}#x@a\""),
        format!("\"http://user:{PASSWORD} x@a\""),
        format!("\"ftp://user:{PASSWORD}@a\""),
        format!("http://user:{PASSWORD}@a"),
        // Longer than what is quoted of a value.
        format!("\"http://user:{}{PASSWORD}@a\"", "x".repeat(50)),
    ] {
        let shown = refused(&with_endpoint(&endpoint));
        assert!(shown.contains("a user name or password has no place here"), "{shown}");
        assert!(shown.contains("remove what stands before the '@'"), "{shown}");
    }
}

#[test]
fn another_fault_of_the_same_line_does_not_show_them() {
    let redis = format!("\"redis://user:{PASSWORD}@127.0.0.1:6379\"");
    for cache in [
        format!("cache: {{ redis: {redis}, memory: 1B }}"),
        format!("cache: {{ redis: {redis}, memory: 1MiB, zzz: 1 }}"),
        format!("cache: {{ memory: 1MiB, memory: 2MiB, redis: {redis} }}"),
        format!("cache: {{ redis: {{ url: {redis}, deadline: 9s, lease: 1s }} }}"),
        format!("cache: {{ redis: [ {redis} ] }}"),
        format!("cache: {{ redis: {redis}"),
        format!("cache: {redis}"),
        format!("caches: {redis}"),
        format!("{redis}: cache"),
        format!("listen: {redis}"),
        format!("state: {redis}"),
        format!("otlp: {{ endpoint: \"http://user:{PASSWORD}@a\" }}"),
        format!("state: \"postgres://user:{PASSWORD}@a\""),
        format!("state: \"postgres://user@a/b?password={PASSWORD}\""),
        format!("state: {{ postgres: \"postgres://user:{PASSWORD}@a/b\", zzz: 1 }}"),
        format!("state: {{ postgres: \"postgres://user:{PASSWORD}@a/b\", password_file: ./p }}"),
        format!("state: {{ postgres: \"postgres://user@a/b\", password: {PASSWORD} }}"),
        format!("state: {{ postgres: \"postgres://user@a/b\", password: \"{PASSWORD} x\" }}"),
        format!("ofrep: {{ token: {PASSWORD} }}"),
        format!("alerts: [ {{ webhook: \"http://user:{PASSWORD}@a\" }} ]"),
        format!("alerts: [ {{ smtp: \"smtp://user:{PASSWORD}@a\", from: a@b, to: a@b }} ]"),
    ] {
        let text = with_endpoint("\"http://a\"")
            .replace("listen: 127.0.0.1:0", &format!("listen: 127.0.0.1:0\n{cache}"));
        refused(&text);
    }
}

#[test]
fn a_plan_does_not_show_the_password_that_it_holds() {
    let cache = format!("cache: {{ redis: \"redis://user:{PASSWORD}@127.0.0.1:6379\" }}");
    let text = with_endpoint("\"http://a\"")
        .replace("listen: 127.0.0.1:0", &format!("listen: 127.0.0.1:0\n{cache}"));
    let plan = banyan_config::parse("x.yaml", &text).unwrap_or_else(|report| panic!("{report}"));
    assert!(!format!("{plan:?}").contains(PASSWORD));
    let redis = plan.cache.and_then(|cache| cache.redis).expect("a Redis");
    assert_eq!(redis.url.to_string(), "redis://127.0.0.1:6379/0");
    let password = redis.url.password.as_ref().map(banyan_config::plan::Secret::expose);
    assert_eq!((redis.url.user.as_deref(), password), (Some("user"), Some(PASSWORD)));
}

proptest! {
    /// A config with a password in which anything else is changed.
    #[test]
    fn no_damage_to_a_config_shows_its_password(
        changes in prop::collection::vec((any::<prop::sample::Index>(), 0..3usize, "[:{}\\[\\],#&*!|>%? \t\n0a~-]"), 1..5)
    ) {
        let head = "version: 1\nlisten: 127.0.0.1:0\ncache: { memory: 64MiB, redis: { url: \"redis://";
        let secret = format!("user:{PASSWORD}@127.0.0.1:6379");
        let tail = "/1\", lease: 5s }, wait: 1s }\nupstreams: { a: { endpoints: [ \"http://a\" ] } }\nroutes: [ { match: \"* /\", to: a } ]\n";
        let (mut before, mut after) = (head.to_owned(), tail.chars().collect::<Vec<_>>());
        for (at, removed, inserted) in changes {
            // What stands directly before the URL stays, else nobody could tell what it is.
            let free = head.len() - "\"redis://".len();
            let at = at.index(free + after.len());
            if at < free {
                before.insert_str(at, &inserted);
            } else {
                let at = at - free;
                after.splice(at..(at + removed).min(after.len()), inserted.chars());
            }
        }
        let text = format!("{before}{secret}{}", after.into_iter().collect::<String>());
        if let Err(report) = banyan_config::parse("x.yaml", &text) {
            prop_assert!(!shown(&report).contains(PASSWORD), "{}", shown(&report));
        }
    }
}
