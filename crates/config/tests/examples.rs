//! The examples that people start from.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use banyan_config::plan::{
    AccessLog, Effect, Environment, HostMatch, KeyPart, Plan, RouteCache, RouteFallback, SubjectSource,
    Target,
};
use http::Method;

fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples").join(name)
}

fn load(name: &str) -> Plan {
    banyan_config::load(&example(name)).unwrap_or_else(|report| panic!("{report}"))
}

#[test]
fn the_first_example_means_what_it_says() {
    let plan = load("banyan.yaml");
    assert_eq!(plan.listeners[0].address.to_string(), "127.0.0.1:8080");
    assert!(plan.state.file().is_some_and(|file| file.ends_with("examples/banyan.db")), "{:?}", plan.state);
    assert!(plan.admin.token_file.ends_with("banyan.db.admin-token"));
    let names = plan.upstreams.iter().map(|upstream| &*upstream.name).collect::<Vec<_>>();
    assert_eq!(names, ["legacy", "articles"]);
    assert_eq!(plan.upstreams[1].endpoints[1].port, 7003);
    assert_eq!(plan.upstreams[0].timeout, Duration::from_secs(3));
    let unit = &plan.units[0];
    assert_eq!((unit.legacy.0, unit.replacement.0), (0, 1));
    assert_eq!((unit.percent.basis_points(), &*unit.salt, unit.fallback), (500, "articles", true));
    assert_eq!(unit.subject[0], SubjectSource::Jwt("sub".to_owned()));
    assert_eq!(unit.shadow.as_ref().map(|shadow| shadow.redact), Some(true));
}

#[test]
fn the_routes_of_the_first_example_stand_in_the_order_of_the_file() {
    let plan = load("banyan.yaml");
    let shape =
        |route: &banyan_config::plan::Route| (route.pattern.to_string(), route.methods.clone(), route.effect);
    let read = vec![Method::GET, Method::HEAD];
    let expected = [
        ("/articles/{id}".to_owned(), read.clone(), Effect::Read),
        ("/articles".to_owned(), read.clone(), Effect::Read),
        ("/articles".to_owned(), vec![Method::POST], Effect::Write),
        ("/healthz-legacy".to_owned(), read, Effect::Read),
        ("/{rest...}".to_owned(), Vec::new(), Effect::Write),
    ];
    assert_eq!(plan.routes.iter().map(shape).collect::<Vec<_>>(), expected);
    assert_eq!(plan.routes[0].span.line, 21);
    assert!(matches!(plan.routes[2].target, Target::Unit(unit) if unit.0 == 0));
    assert!(matches!(plan.routes[3].target, Target::Upstream(upstream) if upstream.0 == 0));
}

#[test]
fn the_full_example_parses() {
    let plan = load("full.yaml");
    assert_eq!(plan.log.access, AccessLog::File("/var/log/banyan/access.log".into()));
    assert_eq!(plan.routes[0].host, Some(HostMatch::Below("example.com".to_owned())));
    let tls = plan.listeners[1].tls.as_ref();
    assert!(tls.is_some_and(|tls| tls.cert.ends_with("examples/tls/chain.pem")));
}

#[test]
fn the_examples_are_valid_by_the_schema_and_a_mistake_is_not() {
    let schema = banyan_config::json_schema();
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    for name in ["banyan.yaml", "cache.yaml", "full.yaml", "resilience.yaml", "rollout.yaml"] {
        let text = std::fs::read_to_string(example(name)).unwrap();
        // Not by our own reader, which may have the same fault as our schema.
        let value: serde_json::Value = serde_saphyr::from_str(&text).unwrap();
        let errors = validator.iter_errors(&value).map(|error| error.to_string()).collect::<Vec<_>>();
        assert!(errors.is_empty(), "{name}: {errors:#?}");
        let mut wrong = value.clone();
        let upstream = wrong["upstreams"].as_object_mut().and_then(|upstreams| upstreams.values_mut().next());
        upstream.unwrap()["timeuot"] = "3s".into();
        assert!(!validator.is_valid(&wrong));
        let mut wrong = value;
        wrong["units"]["articles"]["percent"] = 5.into();
        assert!(!validator.is_valid(&wrong));
    }
}

#[test]
fn the_resilience_example_parses() {
    let plan = load("resilience.yaml");
    assert_eq!(plan.listeners[0].address.port(), 8080);
    assert_eq!(plan.admin.listen.port(), 9901);
    assert_eq!(plan.environment, Environment::Staging);
    let posts = plan.upstreams.iter().find(|upstream| &*upstream.name == "posts").unwrap();
    let all = posts.retry.is_some()
        && posts.breaker.is_some()
        && posts.concurrency.is_some()
        && posts.hedge.is_some()
        && posts.throttle.is_some();
    assert!(all, "{posts:?}");
    assert!(
        matches!(plan.routes[0].policy.fallback.as_slice(), [RouteFallback::Answer(answer)] if answer.body == "[]")
    );
    // A list has no id, so the route says again what a good answer is.
    let own = plan.routes[0].policy.valid_if.over(posts.valid_if.as_ref());
    assert!(own.is_some_and(|valid_if| valid_if.json && valid_if.required.is_empty()));
}

#[test]
fn the_cache_example_means_what_it_says() {
    let plan = load("cache.yaml");
    let cache = plan.cache.as_ref().expect("the cache is on");
    assert_eq!((cache.memory, cache.redis.is_some(), cache.warm.is_some()), (512 << 20, false, false));
    let RouteCache::Rules(rules) = &plan.routes[0].cache else { panic!("{:?}", plan.routes[0]) };
    let key = [KeyPart::Path, KeyPart::QueryParam("lang".to_owned())];
    assert_eq!((rules.ttl, rules.key.as_deref()), (Some(Duration::from_secs(300)), Some(key.as_slice())));
    assert_eq!(plan.routes[1].invalidates[0], rules.tags[0], "a write names the tags of what it makes wrong");
    assert_eq!(plan.routes[4].cache, RouteCache::Off);
    assert_eq!(plan.routes[5].cache, RouteCache::Origin, "GET is read, whatever else the route takes");
}

/// What stands in a comment as a choice is one.
#[test]
fn the_cache_example_may_be_used_with_its_comments() {
    let text = std::fs::read_to_string(example("cache.yaml")).unwrap();
    let all = text.replace("# redis:", "redis:").replace("# warm:", "warm:");
    let plan = banyan_config::parse("cache.yaml", &all).unwrap_or_else(|report| panic!("{report}"));
    let short = plan.cache.expect("the cache is on");
    assert!(short.redis.is_some() && short.warm.is_some());
    let lines = text.lines().map(|line| line.replacen("# {", "redis: {", 1)).collect::<Vec<_>>().join("\n");
    let plan = banyan_config::parse("cache.yaml", &lines).unwrap_or_else(|report| panic!("{report}"));
    let long = plan.cache.and_then(|cache| cache.redis).expect("a Redis");
    assert!(long.url.tls && long.url.password.is_some());
    assert_eq!(short.redis.map(|redis| redis.prefix), Some(long.prefix));
}

#[test]
fn the_schema_is_a_schema() {
    assert!(jsonschema::meta::is_valid(&banyan_config::json_schema()));
}

/// Else a reload would connect anew to every upstream whose line has moved.
#[test]
fn a_file_is_the_same_wherever_it_is_named() {
    let text = "version: 1\nlisten: { address: 127.0.0.1:1, tls: { cert: c.pem, key: k.pem } }\nupstreams: { a: { \
                endpoints: [ \"https://a\" ], tls: { ca: r.pem } } }\nroutes: [ { match: \"* /{r...}\", to: a } ]\n";
    let plans = [text.to_owned(), format!("# One more line.\n{text}")];
    let [one, other] = plans.map(|text| banyan_config::parse("banyan.yaml", &text).unwrap());
    let lines = |plan: &Plan| -> Vec<_> {
        plan.upstreams.iter().filter_map(|upstream| Some(upstream.ca.as_ref()?.span.line)).collect()
    };
    assert!(lines(&one).iter().map(|line| line + 1).eq(lines(&other)) && !lines(&one).is_empty());
    assert_eq!((one.upstreams, one.listeners), (other.upstreams, other.listeners));
}
