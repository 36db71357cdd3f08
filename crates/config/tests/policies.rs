//! How calls are made: what the keys mean, and what is refused.

use std::time::Duration;

use banyan_config::{
    Report,
    plan::{
        BreakerMode, Chaos, ChaosFailure, ConcurrencyLimit, Criticality, Effect, Environment, Factor,
        HedgeAfter, Override, Plan, RouteFallback, RoutePolicy, Slow, Upstream, UpstreamId,
    },
};
use banyan_flags::Percent;

/// What the language promises, word for word.
const EXAMPLE: &str = r#"
environment: staging        # production (default) | staging | development
upstreams:
  posts:
    endpoints: ["http://127.0.0.1:7010"]
    timeout: 3s
    retry: { attempts: 3, base: 50ms, cap: 1s, budget: 20% }
    breaker: { failures: 50%, of_at_least: 20, within: 10s, slow: { over: 2s, share: 80% }, open_for: 5s, probes: 3, close_after: 2 }   # or { consecutive: 5, open_for: 30s, close_after: 2 }
    concurrency: { start: 20, min: 1, max: 200, queue: 100ms }       # adaptive; or { fixed: 50 }
    hedge: { after: p95, extra: 2% }
    valid_if: { status: [200, 404], json: true, required: ["/id"] }
    throttle: {}            # client throttle of the SRE book: { k: 2, within: 120s, cap: 90% }
    chaos: { fail: 10%, status: 503, slow: 20%, by: 2s..5s }   # see below; on upstream or route
routes:
  - match: "GET /users/{id}/posts"
    to: posts
    criticality: low            # critical | high | normal (default) | low
    fallback: [ { status: 200, json: [] } ]
"#;

const HEAD: &str = "version: 1\nlisten: 127.0.0.1:0\n";

fn percent(text: &str) -> Percent {
    text.parse().expect("a percentage")
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn parse(text: &str) -> Result<Plan, Report> {
    banyan_config::parse("x.yaml", &format!("{HEAD}{text}"))
}

/// A config whose upstream 'a' has these keys, each written as in a flow map.
fn with_upstream(keys: &str) -> Result<Plan, Report> {
    parse(&format!(
        "environment: staging\nupstreams: {{ a: {{ endpoints: [ \"http://a\" ], {keys} }} }}\nroutes: [ {{ match: \"* /\", to: a }} ]\n"
    ))
}

/// A config whose route has these keys; 'a' is called by it, 'b' and 'c' are not.
fn with_route(keys: &str) -> Result<Plan, Report> {
    parse(&format!(
        "environment: staging\nupstreams: {{ a: {{ endpoints: [ \"http://a\" ] }}, b: {{ endpoints: [ \"http://b\" ] }}, c: {{ endpoints: [ \"http://c\" ] }} }}\nroutes: [ {{ to: a, {keys} }} ]\n"
    ))
}

/// A config with a unit from 'a' to 'b' whose route has these keys.
fn with_unit_route(keys: &str) -> Result<Plan, Report> {
    parse(&format!(
        "environment: staging\nupstreams: {{ a: {{ endpoints: [ \"http://a\" ] }}, b: {{ endpoints: [ \"http://b\" ], deadline: 5s }}, c: {{ endpoints: [ \"http://c\" ] }} }}\nunits: {{ u: {{ legacy: a, replacement: b, routes: [ {{ {keys} }} ] }} }}\n"
    ))
}

#[track_caller]
fn good(plan: Result<Plan, Report>) -> Plan {
    plan.unwrap_or_else(|report| panic!("{report}"))
}

#[track_caller]
fn upstream(keys: &str) -> Upstream {
    good(with_upstream(keys)).upstreams.remove(0)
}

#[track_caller]
fn policy(keys: &str) -> RoutePolicy {
    good(with_route(keys)).routes.remove(0).policy
}

/// Exactly one problem, whose message has these words and which says what to do.
#[track_caller]
fn refused(plan: Result<Plan, Report>, words: &str) {
    let report = plan.expect_err(words);
    assert_eq!(report.problems().len(), 1, "{report}");
    let problem = &report.problems()[0];
    assert!(problem.message.contains(words), "{report}");
    assert!(problem.hint.is_some(), "{report}");
    assert!(problem.span.is_some(), "{report}");
}

#[test]
fn the_promised_example_means_what_it_says() {
    let plan = good(parse(EXAMPLE));
    assert_eq!(plan.environment, Environment::Staging);
    let posts = &plan.upstreams[0];
    let retry = posts.retry.unwrap();
    assert_eq!((retry.attempts, retry.base, retry.cap), (3, Duration::from_millis(50), seconds(1)));
    assert_eq!((retry.budget, retry.per_second), (percent("20%"), 2));
    let breaker = posts.breaker.unwrap();
    let slow = Some(Slow { over: seconds(2), share: percent("80%") });
    let mode = BreakerMode::Ratio { failures: percent("50%"), of_at_least: 20, within: seconds(10), slow };
    assert_eq!(
        (breaker.mode, breaker.open_for, breaker.probes, breaker.close_after),
        (mode, seconds(5), 3, 2)
    );
    let concurrency = posts.concurrency.unwrap();
    assert_eq!(concurrency.limit, ConcurrencyLimit::Adaptive { start: 20, min: 1, max: 200 });
    assert_eq!(concurrency.queue, Duration::from_millis(100));
    assert_eq!(posts.hedge.unwrap().after, HedgeAfter::Quantile(percent("95%")));
    let valid_if = posts.valid_if.as_ref().unwrap();
    assert_eq!((valid_if.status.as_slice(), valid_if.json), ([200, 404].as_slice(), true));
    assert_eq!(valid_if.required, ["/id"]);
    let throttle = posts.throttle.unwrap();
    assert_eq!((throttle.k, throttle.within), (Factor::from_hundredths(200), seconds(120)));
    let chaos = posts.chaos.as_ref().unwrap();
    assert_eq!((chaos.fail, chaos.slow), (percent("10%"), percent("20%")));
    assert_eq!((chaos.fail_with, chaos.by.clone()), (ChaosFailure::Status(503), seconds(2)..=seconds(5)));
    let policy = &plan.routes[0].policy;
    assert_eq!(policy.criticality, Criticality::Low);
    let [RouteFallback::Answer(answer)] = policy.fallback.as_slice() else { panic!("{policy:?}") };
    assert_eq!((answer.status, &*answer.body), (200, b"[]".as_slice()));
    assert_eq!(answer.content_type.as_ref().unwrap(), "application/json");
}

#[test]
fn only_the_breaker_and_shedding_are_on_without_being_written() {
    let plan = good(with_upstream(""));
    let upstream = &plan.upstreams[0];
    assert_eq!(
        (upstream.retry, upstream.concurrency, upstream.hedge, upstream.throttle),
        (None, None, None, None)
    );
    assert_eq!((&upstream.valid_if, &upstream.chaos), (&None, &None));
    let breaker = upstream.breaker.unwrap();
    let mode =
        BreakerMode::Ratio { failures: percent("50%"), of_at_least: 20, within: seconds(10), slow: None };
    assert_eq!((breaker.mode, breaker.open_for, breaker.open_at_most), (mode, seconds(5), seconds(8)));
    assert_eq!((breaker.probes, breaker.close_after, breaker.probe_timeout), (3, 2, seconds(15)));
    let shed = plan.shed.unwrap();
    assert_eq!((shed.wait, shed.over, shed.within), (Duration::from_millis(20), 2000, seconds(1)));
    assert_eq!(plan.routes[0].policy, RoutePolicy::default());
}

#[test]
fn an_empty_section_is_all_defaults_and_off_is_none() {
    let all = "retry: {}, breaker: {}, concurrency: {}, hedge: {}, throttle: {}";
    let upstream_with = upstream(all);
    let written = "retry: { attempts: 3, base: 50ms, cap: 1s, budget: 20%, per_second: 2 }, breaker: { failures: 50%, of_at_least: 20, within: 10s, open_for: 5s, open_at_most: 8s, probes: 3, close_after: 2, probe_timeout: 15s }, concurrency: { start: 20, min: 1, max: 200, queue: 100ms }, hedge: { after: p95, extra: 2% }, throttle: { k: 2, within: 120s, cap: 90% }";
    assert_eq!(upstream_with, upstream(written));
    let off = upstream(
        "retry: off, breaker: off, concurrency: off, hedge: off, valid_if: off, throttle: off, chaos: off",
    );
    assert_eq!(off, Upstream { breaker: None, ..upstream("") });
    assert_eq!(good(parse(&format!("shed: off{EXAMPLE}"))).shed, None);
}

#[test]
fn a_route_inherits_replaces_or_switches_off() {
    let own = policy(
        "match: \"GET /\", timeout: 1s, deadline: 2s, retry: { attempts: 5 }, hedge: { after: 300ms }, valid_if: { json: true }, criticality: critical, chaos: { reset: 1% }",
    );
    assert_eq!((own.timeout, own.deadline), (Some(seconds(1)), Some(seconds(2))));
    assert!(matches!(&own.retry, Override::Use(retry) if retry.attempts == 5 && retry.per_second == 2));
    assert!(
        matches!(&own.hedge, Override::Use(hedge) if hedge.after == HedgeAfter::Fixed(Duration::from_millis(300)))
    );
    assert!(
        matches!(&own.valid_if, Override::Use(valid_if) if valid_if.json && valid_if.required.is_empty())
    );
    assert!(matches!(&own.chaos, Override::Use(chaos) if chaos.reset == percent("1%")));
    assert_eq!(own.criticality, Criticality::Critical);
    let off = policy("match: \"GET /\", retry: off, hedge: off, valid_if: off, chaos: off");
    assert_eq!(
        (off.retry, off.hedge, off.valid_if, off.chaos),
        (Override::Off, Override::Off, Override::Off, Override::Off)
    );
    assert_eq!(Override::Inherit.over(Some(&1)), Some(&1));
    assert_eq!(Override::Off.over(Some(&1)), None);
    assert_eq!(Override::Use(2).over(Some(&1)), Some(&2));
}

#[test]
fn a_retry_that_never_retries_or_never_ends_is_refused() {
    for attempts in ["0", "1", "11"] {
        let plan = with_upstream(&format!("retry: {{ attempts: {attempts} }}"));
        refused(plan, &format!("attempts is {attempts}: it lies between 2 and 10"));
    }
    refused(with_upstream("retry: { base: 2s }"), "'base' (2s) is longer than 'cap' (1s)");
    refused(with_upstream("retry: { budget: 0% }"), "budget is 0%: must be more than zero");
    refused(
        with_upstream("retry: { budget: 101% }"),
        "budget is 101%: a percentage lies between 0% and 100%",
    );
    refused(with_upstream("retry: { base: 0ms }"), "base is 0ms: must be more than zero");
    refused(with_upstream("retry: { cap: -1s }"), "cap is -1s");
    refused(with_upstream("retry: 3"), "retry is 3: off, or the retry section (a map) is wanted");
}

#[test]
fn a_breaker_that_can_never_open_is_refused() {
    refused(with_upstream("breaker: { failures: 0% }"), "failures is 0%: must be more than zero");
    refused(with_upstream("breaker: { of_at_least: 0 }"), "of_at_least is 0");
    refused(with_upstream("breaker: { consecutive: 0 }"), "consecutive is 0");
    refused(with_upstream("breaker: { slow: { share: 0% } }"), "share is 0%: must be more than zero");
    refused(with_upstream("breaker: { slow: { over: 3s } }"), "no call can be slow: 'over' (3s)");
    refused(with_upstream("timeout: 1s, breaker: { slow: {} }"), "no call can be slow: 'over' (2s)");
    refused(
        with_upstream("breaker: { open_for: 2m, open_at_most: 1m }"),
        "'open_for' (2m) is longer than 'open_at_most' (1m)",
    );
    assert_eq!(upstream("breaker: { open_for: 2m }").breaker.unwrap().open_at_most, seconds(120));
    refused(with_upstream("breaker: { within: 0s }"), "within is 0s: must be more than zero");
    refused(with_upstream("breaker: { probes: 0 }"), "probes is 0");
    refused(with_upstream("breaker: { close_after: 0 }"), "close_after is 0");
    upstream("timeout: 2001ms, breaker: { slow: {} }");
}

#[test]
fn a_breaker_counts_shares_or_failures_in_a_row_and_not_both() {
    let consecutive = upstream("breaker: { consecutive: 5, open_for: 30s, close_after: 2 }").breaker.unwrap();
    assert_eq!(consecutive.mode, BreakerMode::Consecutive { failures: 5 });
    for key in ["failures: 50%", "of_at_least: 20", "within: 10s", "slow: {}"] {
        let (name, _) = key.split_once(':').unwrap();
        let plan = with_upstream(&format!("breaker: {{ consecutive: 5, {key} }}"));
        refused(plan, &format!("'{name}' stands beside 'consecutive'"));
    }
}

#[test]
fn a_limit_adapts_or_stays_and_its_bounds_are_in_order() {
    let fixed = upstream("concurrency: { fixed: 50 }").concurrency.unwrap();
    assert_eq!(
        (fixed.limit, fixed.queue),
        (ConcurrencyLimit::Fixed { limit: 50 }, Duration::from_millis(100))
    );
    assert_eq!(upstream("concurrency: { queue: 0s }").concurrency.unwrap().queue, Duration::ZERO);
    for key in ["start", "min", "max"] {
        let plan = with_upstream(&format!("concurrency: {{ fixed: 50, {key}: 20 }}"));
        refused(plan, &format!("'{key}' stands beside 'fixed'"));
    }
    refused(with_upstream("concurrency: { min: 30 }"), "'min' (30) is larger than 'start' (20)");
    refused(with_upstream("concurrency: { max: 10 }"), "'start' (20) is larger than 'max' (10)");
    for plan in ["fixed: 0", "start: 0", "min: 0", "max: 0"] {
        let report = with_upstream(&format!("concurrency: {{ {plan} }}")).unwrap_err();
        assert!(report.problems()[0].message.contains("is 0: it lies between 1 and"), "{report}");
    }
}

#[test]
fn a_hedge_starts_within_what_a_call_may_take() {
    let after = |text: &str| upstream(&format!("hedge: {{ after: {text} }}")).hedge.unwrap().after;
    assert_eq!(after("p50"), HedgeAfter::Quantile(percent("50%")));
    assert_eq!(after("p99.9"), HedgeAfter::Quantile(percent("99.9%")));
    assert_eq!(after("2999ms"), HedgeAfter::Fixed(Duration::from_millis(2999)));
    for text in ["p49.99", "p99.91", "p100", "p0", "p99.999", "p."] {
        refused(with_upstream(&format!("hedge: {{ after: {text} }}")), "it lies between p50 and p99.9");
    }
    refused(with_upstream("hedge: { after: p }"), "it lies between");
    refused(with_upstream("hedge: { after: p-95 }"), "write p and a number");
    refused(with_upstream("hedge: { after: 3s }"), "no call is ever hedged: 'after' (3s)");
    refused(with_upstream("hedge: { after: 0s }"), "must be more than zero");
    refused(with_upstream("hedge: { extra: 0% }"), "extra is 0%: must be more than zero");
    refused(with_route("match: \"GET /\", timeout: 1s, hedge: { after: 1s }"), "no call is ever hedged");
    policy("match: \"GET /\", timeout: 10s, hedge: { after: 4s }");
}

#[test]
fn only_a_route_that_may_be_asked_twice_is_hedged() {
    refused(with_route("match: \"POST /\", hedge: {}"), "this route writes");
    refused(with_route("match: \"GET /\", effect: write, hedge: {}"), "this route writes");
    refused(with_route("match: \"POST /\", effect: read, hedge: {}"), "this route matches POST");
    refused(with_route("match: \"* /\", effect: read, hedge: {}"), "this route matches any method");
    policy("match: \"GET|PUT|DELETE /\", effect: read, hedge: {}");
    policy("match: \"POST /\", hedge: off");
}

#[test]
fn what_an_answer_has_to_be_says_something_and_fits_together() {
    refused(with_upstream("valid_if: {}"), "valid_if says nothing");
    refused(with_upstream("valid_if: { json: false }"), "valid_if says nothing");
    refused(with_upstream("valid_if: { required: [ /id ] }"), "'required' is about JSON");
    refused(with_upstream("valid_if: { json: true, required: [ id ] }"), "a JSON Pointer starts with '/'");
    refused(with_upstream("valid_if: { json: true, required: [ \"\" ] }"), "a JSON Pointer starts with '/'");
    refused(with_upstream("valid_if: { json: true, required: [ \"/a/*/id\" ] }"), "'*' stands for itself");
    refused(with_upstream("valid_if: { status: 600 }"), "it lies between 200 and 599");
    refused(
        with_upstream("valid_if: { content_type: \"text/html; charset=utf-8\" }"),
        "parameters are not compared",
    );
    let valid_if = upstream("valid_if: { status: 200, content_type: Text/HTML }").valid_if.unwrap();
    assert_eq!((valid_if.status, valid_if.content_type.as_deref()), (vec![200], Some("text/html")));
}

#[test]
fn a_throttle_lets_something_through() {
    let throttle = upstream("throttle: { k: 1.1, within: 3s, cap: 99% }").throttle.unwrap();
    assert_eq!((throttle.k.hundredths(), throttle.cap), (110, percent("99%")));
    for key in ["k: 1", "k: 0", "k: 101", "cap: 100%", "cap: 0%", "k: \"2\"", "k: lots"] {
        let report = with_upstream(&format!("throttle: {{ {key} }}")).expect_err(key);
        assert_eq!(report.problems().len(), 1, "{report}");
        assert!(report.problems()[0].hint.is_some(), "{report}");
    }
}

#[test]
fn an_attempt_fits_into_the_call_on_every_upstream_of_the_route() {
    let text = "'timeout' (16s) is longer than the upstream's 'deadline' (15s)";
    refused(with_route("match: \"GET /\", timeout: 16s"), text);
    refused(
        with_route("match: \"GET /\", deadline: 2s"),
        "the upstream's 'timeout' (3s) is longer than 'deadline' (2s)",
    );
    refused(
        with_route("match: \"GET /\", timeout: 2s, deadline: 1s"),
        "'timeout' (2s) is longer than 'deadline' (1s)",
    );
    // Only the replacement has a deadline of 5 s.
    refused(with_unit_route("match: \"GET /\", timeout: 6s"), "the upstream's 'deadline' (5s)");
    policy("match: \"GET /\", timeout: 16s, deadline: 16s");
    good(with_unit_route("match: \"GET /\", timeout: 5s"));
    refused(with_route("match: \"GET /\", timeout: 0s"), "timeout is 0s: must be more than zero");
}

#[test]
fn a_fallback_is_an_answer_or_another_upstream() {
    let plan = good(with_route(
        "match: \"GET /\", fallback: [ { to: c }, { to: b }, { status: 503, text: \"later\", headers: { Retry-After: \"5\", cache-control: no-store } } ]",
    ));
    let fallback = &plan.routes[0].policy.fallback;
    assert_eq!(
        fallback[..2],
        [RouteFallback::Upstream(UpstreamId(2)), RouteFallback::Upstream(UpstreamId(1))]
    );
    let RouteFallback::Answer(answer) = &fallback[2] else { panic!("{fallback:?}") };
    assert_eq!((answer.status, &*answer.body), (503, b"later".as_slice()));
    assert_eq!(answer.content_type.as_ref().unwrap(), "text/plain; charset=utf-8");
    let names = answer.headers.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>();
    assert_eq!(names, ["cache-control", "retry-after"]);
}

#[test]
fn the_body_of_a_fallback_is_the_json_that_was_written() {
    let plan = good(with_route(
        "match: \"POST /\", fallback: [ { status: 202, json: { id: 7, \"tags\": [ a, null, true, 1.5 ] }, content_type: application/vnd.api+json } ]",
    ));
    assert_eq!(plan.routes[0].effect, Effect::Write);
    let [RouteFallback::Answer(answer)] = plan.routes[0].policy.fallback.as_slice() else {
        panic!("one answer")
    };
    assert_eq!(&*answer.body, br#"{"id":7,"tags":["a",null,true,1.5]}"#);
    assert_eq!(answer.content_type.as_ref().unwrap(), "application/vnd.api+json");
    let empty = policy("match: \"GET /\", fallback: [ { status: 204 } ]");
    let [RouteFallback::Answer(answer)] = empty.fallback.as_slice() else { panic!("one answer") };
    assert!(answer.body.is_empty() && answer.content_type.is_none());
}

#[test]
fn a_fallback_that_cannot_be_is_refused() {
    let route = |entries: &str| with_route(&format!("match: \"GET /\", fallback: [ {entries} ]"));
    refused(route("{}"), "neither 'status' nor 'to' says what this fallback is");
    refused(route("{ json: [] }"), "neither 'status' nor 'to' says what this fallback is");
    refused(route("{ status: 199 }"), "it lies between 200 and 599");
    refused(route("{ status: 600 }"), "it lies between 200 and 599");
    refused(route("{ to: b, status: 200 }"), "'status' stands beside 'to'");
    refused(route("{ status: 200, json: 1, text: a }"), "'text' stands beside 'json'");
    refused(route("{ status: 200, content_type: text/html }"), "content_type says what the body is");
    refused(route("{ status: 204, json: [] }"), "an answer with status 204 has no body");
    refused(route("{ status: 200, json: }"), "a value of json is empty");
    refused(route("{ status: 200, json: { a: 0x1F } }"), "JSON has no such number");
    refused(
        route("{ status: 200, text: a, headers: { content-length: \"1\" } }"),
        "the gateway writes this field itself",
    );
    refused(route("{ status: 200, text: a, headers: { Content-Type: a/b } }"), "it has a key of its own");
    refused(route("{ to: a }"), "the route asks 'a' anyway");
    refused(route("{ to: d }"), "'d' is not the name of an upstream");
    refused(route("{ to: b }, { to: b }"), "this fallback stands twice");
    refused(route("{ status: 200 }, { to: b }"), "this fallback is never reached");
    refused(with_route("match: \"POST /\", fallback: [ { to: b } ]"), "a write is sent once");
    for side in ["a", "b"] {
        let plan = with_unit_route(&format!("match: \"GET /\", fallback: [ {{ to: {side} }} ]"));
        refused(plan, &format!("the route asks '{side}' anyway"));
    }
    good(with_unit_route("match: \"GET /\", fallback: [ { to: c } ]"));
}

#[test]
fn chaos_is_refused_in_production() {
    let production = EXAMPLE.replace("environment: staging ", "environment: production ");
    refused(parse(&production), "this gateway is in production");
    refused(parse(&EXAMPLE.replace("environment: staging ", "# ")), "this gateway is in production");
    good(parse(&EXAMPLE.replace("environment: staging ", "environment: development ")));
    let on_route = "upstreams: { a: { endpoints: [ \"http://a\" ] } }\nroutes: [ { match: \"GET /\", to: a, chaos: { fail: 1% } } ]\n";
    refused(parse(on_route), "this gateway is in production");
    // Which environment it is cannot be read; that alone is said.
    refused(parse(&format!("environment: stagin\n{on_route}")), "environment is stagin");
    good(parse(&on_route.replace("{ fail: 1% }", "off")));
}

#[test]
fn chaos_does_what_it_says_and_no_more() {
    let chaos = |keys: &str| -> Chaos { upstream(&format!("chaos: {{ {keys} }}")).chaos.unwrap() };
    assert_eq!(chaos("fail: 1%, fail_with: reset").fail_with, ChaosFailure::Reset);
    assert_eq!(chaos("fail: 1%, fail_with: status, status: 429").fail_with, ChaosFailure::Status(429));
    assert_eq!(chaos("slow: 1%, by: 2s").by, seconds(2)..=seconds(2));
    let when = chaos("corrupt: 100%, when: { subjects: 5%, headers: { X-Chaos: \"yes\" } }").when;
    assert_eq!((when.subjects, when.headers[0].0.as_str()), (Some(percent("5%")), "x-chaos"));
    let refuse = |keys: &str, words: &str| refused(with_upstream(&format!("chaos: {{ {keys} }}")), words);
    refuse("", "chaos names no fault to make");
    refuse("when: { subjects: 5% }", "chaos names no fault to make");
    refuse("fail: 0%", "fail is 0%: must be more than zero");
    refuse("slow: 5%", "'slow' says nothing without 'by'");
    refuse("fail: 1%, by: 2s", "'by' says nothing without 'slow'");
    refuse("reset: 1%, status: 500", "'status' says nothing without 'fail'");
    refuse("fail: 1%, fail_with: reset, status: 500", "'status' stands beside 'fail_with'");
    refuse("fail: 1%, status: 200", "it lies between 400 and 599");
    refuse("slow: 1%, by: 5s..2s", "the shorter one comes first");
    refuse("slow: 1%, by: 0s..2s", "must be more than zero");
    refuse("fail: 60%, truncate: 41%", "more than 100% together");
    refuse("fail: 1%, when: { subjects: 0% }", "subjects is 0%: must be more than zero");
    let subjects = "match: \"GET /\", chaos: { fail: 1%, when: { subjects: 5% } }";
    refused(with_route(subjects), "a route outside units knows no subject");
    good(with_unit_route(subjects));
}

#[test]
fn what_belongs_to_the_upstream_alone_is_sent_there() {
    for key in ["breaker", "concurrency", "throttle"] {
        let keys = format!("match: \"GET /\", {key}: {{}}");
        for plan in [with_route(&keys), with_unit_route(&keys)] {
            let report = plan.unwrap_err();
            let hint = report.problems()[0].hint.clone().unwrap_or_default();
            assert_eq!(report.problems().len(), 1, "{report}");
            assert!(hint.contains(&format!("upstreams: {{ NAME: {{ {key}: ")), "{report}");
        }
    }
}

#[test]
fn a_schema_is_read_with_the_config_and_is_part_of_its_hash() {
    let folder = tempfile::tempdir().unwrap();
    let name = folder.path().join("x.yaml");
    let parse = |file: &str| {
        let text = format!(
            "{HEAD}upstreams: {{ a: {{ endpoints: [ \"http://a\" ], valid_if: {{ json: true, schema: {file} }} }} }}\nroutes: [ {{ match: \"* /\", to: a }} ]\n"
        );
        banyan_config::parse(name.to_str().unwrap(), &text)
    };
    let write = |file: &str, text: &str| std::fs::write(folder.path().join(file), text).unwrap();
    write("good.json", "{ \"type\": \"object\" }");
    let plan = good(parse("./good.json"));
    let schema = plan.upstreams[0].valid_if.as_ref().and_then(|valid_if| valid_if.schema.clone()).unwrap();
    assert_eq!(schema.file, folder.path().join("good.json"));
    assert_eq!(schema.document["type"], "object");
    assert_eq!(plan.hash, good(parse("./good.json")).hash);
    write("good.json", "{ \"type\": \"array\" }");
    assert_ne!(plan.hash, good(parse("./good.json")).hash, "a changed schema is a changed config");

    write("text.json", "not json");
    write("list.json", "[]");
    write("large.json", &" ".repeat(1024 * 1024 + 1));
    refused(parse("missing.json"), "schema is missing.json: it cannot be read");
    for (file, words) in [
        ("text.json", "it is not JSON"),
        ("list.json", "a JSON Schema is an object"),
        ("large.json", "it is larger than 1 MiB"),
        (".", "this is no file"),
        ("/dev/zero", "this is no file"),
    ] {
        let report = parse(file).unwrap_err();
        assert!(report.problems()[0].message.contains(words), "{report}");
    }
}
