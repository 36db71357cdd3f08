//! Keeping answers: what the keys mean, and what is refused.

use std::time::Duration;

use banyan_config::{
    Report,
    plan::{Cache, CacheAllow, CacheRules, KeyPart, Plan, RouteCache, TagSegment, TagTemplate, Warm},
};
use http::HeaderName;

const HEAD: &str = "version: 1\nlisten: 127.0.0.1:0\nupstreams: { a: { endpoints: [ \"http://a\" ] }, b: { endpoints: [ \"http://b\" ] } }\n";

fn parse(text: &str) -> Result<Plan, Report> {
    banyan_config::parse("x.yaml", &format!("{HEAD}{text}"))
}

/// A config with this at the top and a route that reads.
fn top(keys: &str) -> Result<Plan, Report> {
    parse(&format!("{keys}\nroutes: [ {{ match: \"GET /\", to: a }} ]\n"))
}

/// A config with these routes, each written as in a flow map without its target.
fn routes(top: &str, routes: &[&str]) -> Result<Plan, Report> {
    let routes = routes.iter().map(|route| format!("  - {{ {route}, to: a }}\n")).collect::<String>();
    parse(&format!("{top}\nroutes:\n{routes}"))
}

/// A config whose one route has this `cache`.
fn route(cache: &str) -> Result<Plan, Report> {
    routes("", &[&format!("match: \"GET /u/{{id}}\", cache: {cache}")])
}

/// The same of a unit.
fn unit_route(cache: &str) -> Result<Plan, Report> {
    parse(&format!(
        "units: {{ u: {{ legacy: a, replacement: b, routes: [ {{ match: \"GET /u/{{id}}\", cache: {cache} }} ] }} }}\n"
    ))
}

#[track_caller]
fn good(plan: Result<Plan, Report>) -> Plan {
    plan.unwrap_or_else(|report| panic!("{report}"))
}

#[track_caller]
fn cache(keys: &str) -> Cache {
    good(top(&format!("cache: {{ {keys} }}"))).cache.expect("the cache is on")
}

#[track_caller]
fn rules(plan: Result<Plan, Report>) -> CacheRules {
    match good(plan).routes.remove(0).cache {
        RouteCache::Rules(rules) => rules,
        other => panic!("{other:?}"),
    }
}

/// The config has one fault, and its message or hint says this.
#[track_caller]
fn refused(plan: Result<Plan, Report>, words: &str) {
    let report = plan.expect_err(words);
    assert_eq!(report.problems().len(), 1, "{report}");
    let problem = &report.problems()[0];
    let said = format!("{}\n{}", problem.message, problem.hint.clone().unwrap_or_default());
    assert!(said.contains(words), "{report}");
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn defaults_are_the_same_in_the_file_and_in_the_code() {
    assert_eq!(cache(""), Cache::default());
    assert_eq!(rules(route("{}")), CacheRules::default());
    let Cache { memory, max_object, redis, wait, warm } = Cache::default();
    assert_eq!((memory, max_object, wait), (64 << 20, 8 << 20, seconds(5)));
    assert!(redis.is_none() && warm.is_none());
    let rules = CacheRules::default();
    assert_eq!((rules.early_refresh, rules.jitter.basis_points(), rules.coalesce), (1.0, 1000, true));
    assert_eq!((rules.ttl, rules.key, rules.allow), (None, None, CacheAllow::default()));
}

#[test]
fn the_top_turns_the_cache_on_where_answers_may_be_kept() {
    let all = [
        "match: \"GET /a\"",
        "match: \"GET /b\", cache: off",
        "match: \"GET /c\", cache: { ttl: 5m }",
        "match: \"GET /d\", effect: write",
        "match: \"PUT /e\"",
        "match: \"POST /f\", effect: read",
        "match: \"* /g\"",
        "match: \"* /h\", effect: read",
        "match: \"OPTIONS /i\"",
        "match: \"GET /j\", cache: {}",
    ];
    let kept = |plan: Plan| {
        plan.routes
            .iter()
            .map(|route| match route.cache {
                RouteCache::Off => '-',
                RouteCache::Origin => 'o',
                RouteCache::Rules(_) => 'r',
            })
            .collect::<String>()
    };
    assert_eq!(kept(good(routes("cache: {}", &all))), "o-r---oo-r");
    let by_routes = good(routes("", &all));
    assert_eq!(by_routes.cache, Some(Cache::default()), "a route that keeps answers needs a place for them");
    assert_eq!(kept(by_routes), "--r------r");
    let none = good(routes("", &["match: \"GET /a\"", "match: \"GET /b\", cache: off"]));
    assert!(none.cache.is_none() && kept(none) == "--");
    let off = good(routes("cache: off", &["match: \"GET /a\"", "match: \"GET /b\", cache: off"]));
    assert!(off.cache.is_none() && kept(off) == "--");
    let unit = "cache: {}\nunits: { u: { legacy: a, replacement: b, routes: [ { match: \"GET /u\" } ] } }\n";
    assert_eq!(kept(good(parse(unit))), "o");
}

#[test]
fn a_route_cannot_keep_what_the_top_says_is_not_kept() {
    refused(
        routes("cache: off", &["match: \"GET /a\", cache: {}"]),
        "'cache: off' at the top says that none are kept",
    );
}

#[test]
fn only_what_is_read_by_get_or_head_is_kept() {
    let refuse =
        |rule: &str, words: &str| refused(routes("", &[&format!("{rule}, cache: {{ ttl: 5m }}")]), words);
    refuse("match: \"PUT /a\"", "this route matches neither GET nor HEAD");
    refuse("match: \"POST /a\", effect: read", "this route matches neither GET nor HEAD");
    refuse("match: \"OPTIONS /a\"", "this route matches neither GET nor HEAD");
    refuse("match: \"GET /a\", effect: write", "this route writes");
    refuse("match: \"* /a\", effect: write", "or write 'effect: read' if none of them changes anything");
    let mixed =
        ["match: \"GET|POST /a\", cache: {}", "match: \"* /b\", cache: {}", "match: \"HEAD /c\", cache: {}"];
    good(routes("", &mixed));
}

#[test]
fn the_largest_answer_is_a_quarter_of_the_memory_at_most() {
    let sizes = |keys| {
        let cache = cache(keys);
        (cache.memory, cache.max_object)
    };
    assert_eq!(sizes("memory: 1MiB"), (1 << 20, 1 << 18));
    assert_eq!(sizes("memory: 512MiB"), (512 << 20, 8 << 20));
    assert_eq!(sizes("memory: 512MiB, max_object: 128MiB"), (512 << 20, 128 << 20));
    refused(
        top("cache: { max_object: 17MiB }"),
        "'max_object' (17MiB) is more than a quarter of 'memory' (64MiB)",
    );
    refused(top("cache: { memory: 1023KiB }"), "memory is 1023KiB: it lies between 1MiB and 1024GiB");
    refused(top("cache: { wait: 61s }"), "wait is 61s: it lies between 0ms and 1m");
    // A memory that cannot be read says nothing about the other key.
    refused(top("cache: { memory: 0, max_object: 1GiB }"), "memory is 0");
}

#[test]
fn a_redis_is_a_url_or_more() {
    let short = cache("redis: \"redis://127.0.0.1:6379\"").redis.unwrap();
    let long =
        cache("redis: { url: \"redis://127.0.0.1\", deadline: 50ms, lease: 10s, prefix: banyan }").redis;
    assert_eq!(Some(&short), long.as_ref());
    assert_eq!((short.deadline, short.lease), (Duration::from_millis(50), seconds(10)));
    refused(top("cache: { redis: {} }"), "the redis section needs 'url'");
    refused(top("cache: { redis: off }"), "leave 'redis' out for none");
    refused(top("cache: { redis: \"http://a\" }"), "the scheme is redis or rediss");
    refused(
        top("cache: { redis: { url: \"redis://a\", deadline: 3s, lease: 2s } }"),
        "is longer than 'lease' (2s)",
    );
    refused(top("cache: { redis: { url: \"redis://a\", prefix: \"\" } }"), "a prefix has 1 to 64");
    refused(top("cache: { redis: { url: \"redis://a\", prefix: \"a*\" } }"), "a prefix has 1 to 64");
}

#[test]
fn warming_is_off_unless_it_is_written() {
    let usual = Warm { top: 1000, every: seconds(3600), rate: 20, ready_within: seconds(10) };
    assert_eq!(cache("warm: {}").warm, Some(usual));
    assert_eq!(cache("warm: off").warm, None);
    let own = Warm { top: 100_000, every: seconds(60), rate: 10_000, ready_within: Duration::ZERO };
    assert_eq!(cache("warm: { top: 100000, every: 1m, rate: 10000, ready_within: 0s }").warm, Some(own));
    refused(top("cache: { warm: { top: 0 } }"), "for none, leave 'warm' out");
    refused(top("cache: { warm: { top: 100001 } }"), "it lies between 1 and 100000");
    refused(top("cache: { warm: { every: 59s } }"), "every is 59s");
    refused(top("cache: { warm: { rate: 0 } }"), "rate is 0");
}

#[test]
fn times_mean_what_they_say() {
    let rules = rules(route(
        "{ ttl: 5m, negative: 10m, degraded: 6m, stale_while_revalidate: 10s, stale_if_error: 1h, early_refresh: 2.5, jitter: 0%, coalesce: false }",
    ));
    assert_eq!(
        (rules.ttl, rules.negative, rules.degraded),
        (Some(seconds(300)), Some(seconds(600)), Some(seconds(360)))
    );
    assert_eq!(
        (rules.stale_while_revalidate, rules.stale_if_error),
        (Some(seconds(10)), Some(seconds(3600)))
    );
    assert_eq!((rules.early_refresh, rules.jitter.basis_points(), rules.coalesce), (2.5, 0, false));
    refused(route("{ early_refresh: 10.01 }"), "early_refresh is 10.01: it lies between 0 and 10");
    refused(route("{ jitter: 50.01% }"), "jitter is 50.01%");
    refused(route("{ ttl: 8761h }"), "ttl is 8761h");
}

#[test]
fn a_ttl_of_zero_shares_and_keeps_nothing() {
    let sharing = rules(route("{ ttl: 0s, negative: 0s, stale_if_error: 0s, tags: [ a ] }"));
    assert_eq!((sharing.ttl, sharing.coalesce), (Some(Duration::ZERO), true));
    for key in ["negative", "degraded", "stale_while_revalidate", "stale_if_error"] {
        let words = format!("'{key}' (2s) is about answers that are kept, and 'ttl: 0s' keeps none");
        refused(route(&format!("{{ ttl: 0s, {key}: 2s }}")), &words);
        rules(route(&format!("{{ ttl: 1s, {key}: 2s }}")));
        rules(route(&format!("{{ {key}: 2s }}")));
    }
    refused(route("{ ttl: 0s, coalesce: false }"), "write 'cache: off'");
}

#[test]
fn a_key_tells_resources_apart() {
    let key = rules(unit_route(
        "{ key: [ path, query, \"query:lang\", \"header:Accept\", \"cookie:s\", subject, \"jwt:sub\" ] }",
    ))
    .key;
    let expected = vec![
        KeyPart::Path,
        KeyPart::Query,
        KeyPart::QueryParam("lang".to_owned()),
        KeyPart::Header(HeaderName::from_static("accept")),
        KeyPart::Cookie("s".to_owned()),
        KeyPart::Subject,
        KeyPart::Jwt("sub".to_owned()),
    ];
    assert_eq!(key, Some(expected));
    assert_eq!(rules(route("{ key: [ path ] }")).key, Some(vec![KeyPart::Path]));
    good(routes("", &["match: \"GET /u\", cache: { key: [ \"query:lang\" ] }"]));
    refused(route("{ key: [ query ] }"), "without 'path' all of /u/{id} would get one answer");
    refused(routes("", &["match: \"GET /{rest...}\", cache: { key: [ query ] }"]), "without 'path'");
    refused(route("{ key: [] }"), "key is empty: at least one entry is needed");
    refused(route("{ key: [ path, subject ] }"), "a route outside units knows no subject");
    refused(route("{ key: [ path, \"header:x\", \"header:X\" ] }"), "this part of the key stands twice");
}

#[test]
fn a_part_of_a_key_is_one_of_few() {
    let refuse = |part: &str, words: &str| refused(route(&format!("{{ key: [ path, \"{part}\" ] }}")), words);
    refuse("pathh", "did you mean 'path'?");
    refuse("cokie:s", "did you mean 'cookie:s'?");
    refuse("header", "for example header:NAME");
    refuse("lang", "for example query:lang or header:lang");
    refuse("query:", "the name after the colon is missing");
    refuse("query:a b", "the name after the colon is missing, or holds white space");
    refuse("query:a=1", "write the name alone");
    refuse("header:a/b", "this is no header field name");
    refuse("cookie:a;b", "this is no cookie name");
    refuse("ip:1", "write path, query, query:NAME");
    refuse("host", "the host is a part of every key");
    refuse("header:host", "the host is a part of every key");
}

#[test]
fn tags_are_filled_from_the_routes_own_match() {
    let tags = rules(route("{ tags: [ \"user:{id}\", users ] }")).tags;
    let expected = [TagSegment::Literal("user:".to_owned()), TagSegment::Param("id".to_owned())];
    assert_eq!(tags[0].segments(), expected);
    assert_eq!(tags[1].to_string(), "users");
    let rest = good(routes("", &["match: \"GET /{rest...}\", cache: { tags: [ \"page:{rest}\" ] }"]));
    assert_eq!(rest.routes.len(), 1);
    refused(route("{ tags: [ \"user:{idd}\" ] }"), "did you mean 'id'?");
    refused(route("{ tags: [ \"user:{name}\" ] }"), "known here: id");
    refused(routes("", &["match: \"GET /u\", cache: { tags: [ \"{id}\" ] }"]), "'/u' has no parameters");
    refused(route("{ tags: [ a, a ] }"), "the tag stands twice");
    refused(route("{ tags: [ \"{rest...}\" ] }"), "write {rest}");
    refused(route("{ tags: [ \"\" ] }"), "a tag is not empty");
    refused(route("{ tags: [ \"a b\" ] }"), "a tag holds no white space");
    refused(
        route(&format!("{{ tags: [ {} ] }}", "x".repeat(129))),
        "a tag has at most 128 bytes, and this one has 129",
    );
}

#[test]
fn a_route_has_sixteen_tags_at_most() {
    let tags = |count: usize| (0..count).map(|n| format!("t{n}")).collect::<Vec<_>>().join(", ");
    assert_eq!(rules(route(&format!("{{ tags: [ {} ] }}", tags(16)))).tags.len(), TagTemplate::MAX_COUNT);
    refused(route(&format!("{{ tags: [ {} ] }}", tags(17))), "tags has more than 16 entries");
    let write = |count| routes("", &[&format!("match: \"PUT /u\", invalidates: [ {} ]", tags(count))]);
    assert_eq!(good(write(16)).routes[0].invalidates.len(), 16);
    refused(write(17), "invalidates has more than 16 entries");
}

#[test]
fn what_writes_may_say_which_answers_it_makes_wrong() {
    let write = |rule: &str| routes("", &[&format!("match: \"{rule}\", invalidates: [ \"u:{{id}}\" ]")]);
    for rule in [
        "PUT /u/{id}",
        "* /u/{id}",
        "GET|POST /u/{id}",
        "GET /u/{id}\", effect: \"write",
        "POST /u/{id}\", effect: \"read",
    ] {
        assert_eq!(good(write(rule)).routes[0].invalidates[0].to_string(), "u:{id}");
    }
    for rule in ["GET /u/{id}", "GET|HEAD|OPTIONS /u/{id}"] {
        refused(write(rule), "this route only reads, so its requests make no answer wrong");
    }
    good(routes("", &["match: \"GET /u\", invalidates: []"]));
    refused(write("PUT /u/{ie}"), "did you mean 'ie'?");
    refused(write("PUT /u"), "'/u' has no parameters");
}

#[test]
fn what_looks_personal_is_kept_only_when_it_is_said() {
    let allow = |words: &str| rules(route(&format!("{{ allow: [ {words} ] }}"))).allow;
    assert_eq!(allow("set-cookie"), CacheAllow { set_cookie: true, authorization: false });
    assert_eq!(allow("authorization"), CacheAllow { set_cookie: false, authorization: true });
    assert_eq!(allow(""), CacheAllow::default());
    refused(route("{ allow: [ set_cookie ] }"), "did you mean 'set-cookie'?");
}

#[test]
fn places_in_an_answer_are_json_pointers() {
    let rules = rules(route("{ empty: \"\", parts: [ /name, /items/0 ] }"));
    assert_eq!(rules.empty.as_deref(), Some(""));
    assert_eq!(rules.parts, ["/name", "/items/0"]);
    refused(route("{ empty: items }"), "write /items");
    refused(route("{ empty: }"), "empty has no value");
    refused(route("{ parts: [ \"\" ] }"), "name an entry, such as /id");
    refused(route("{ parts: [ \"/items/*\" ] }"), "'*' stands for itself in a JSON Pointer");
}

#[test]
fn what_cannot_be_read_causes_no_other_complaint() {
    refused(
        routes("", &["match: \"GET u\", cache: { key: [ query ], tags: [ \"{id}\" ] }"]),
        "a path starts with '/'",
    );
    refused(routes("cache: 7", &["match: \"GET /u\", cache: {}"]), "cache is 7");
    refused(route("{ key: [ pathh ] }"), "did you mean 'path'?");
    refused(routes("", &["match: \"GET /u\", effect: reads, cache: {}"]), "did you mean 'read'?");
}
