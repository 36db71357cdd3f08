//! What holds for any bytes whatsoever. Run over generated input by the property tests, and over everything a fuzzer
//! finds by the targets in `fuzz/`.
#![allow(dead_code, reason = "a fuzz target runs one of them")]

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use banyan_httpcache::{
    Answered, Asked, AskedWith, CacheStatus, Condition, Conditions, Exchange, KeyBuilder, LONGEST, Names,
    QueryPart, Reuse, Rules, Said, Secret, Target, Validators, freshen, invalidated, may_serve_on_error,
    range, reuse, storable, strip_for_store, tags,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};

/// Names that a line of input chooses from by its first byte.
const NAMES: [&str; 24] = [
    "cache-control",
    "cdn-cache-control",
    "pragma",
    "expires",
    "age",
    "date",
    "last-modified",
    "etag",
    "vary",
    "set-cookie",
    "authorization",
    "accept-encoding",
    "accept-language",
    "cookie",
    "if-none-match",
    "if-modified-since",
    "if-range",
    "range",
    "location",
    "content-location",
    "cache-groups",
    "cache-group-invalidation",
    "surrogate-key",
    "content-length",
];

/// Any bytes as fields: every line is one, and its first byte chooses the name.
fn fields(data: &[u8]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for line in data.split(|&byte| byte == b'\n') {
        let Some((&first, value)) = line.split_first() else { continue };
        let Ok(value) = HeaderValue::from_bytes(value) else { continue };
        let name = NAMES[usize::from(first) % NAMES.len()];
        headers.append(HeaderName::from_static(name), value);
    }
    headers
}

fn one_field(name: &str, value: &str) -> HeaderMap {
    let name = HeaderName::from_bytes(name.as_bytes()).expect("a name");
    HeaderMap::from_iter([(name, HeaderValue::from_str(value).expect("what is printed is a value"))])
}

/// No fields make anything panic, what is printed reads the same, and what is kept obeys its own rules.
pub(crate) fn heads(data: &[u8]) {
    let mut halves = data.splitn(2, |&byte| byte == 0);
    let request = fields(halves.next().unwrap_or_default());
    let answer = fields(halves.next().unwrap_or_default());
    check_directives(&request, &answer);
    check_kept(&request, &answer);
    check_variants(&request, &answer);
    check_rest(request, &answer);
}

fn check_directives(request: &HeaderMap, answer: &HeaderMap) {
    let asked = Asked::of(request);
    assert_eq!(Asked::of(&one_field("cache-control", &asked.to_string())), asked);
    let said = Said { targeted: false, ..Said::of(answer) };
    let again = Said::of(&one_field("cache-control", &said.to_string()));
    // More fields than are looked at come to mean the whole answer: stricter, and the only change there is.
    if said.private.fields().len() <= 16 && said.no_cache.fields().len() <= 16 {
        assert_eq!(again, said);
    }
}

fn check_kept(request: &HeaderMap, answer: &HeaderMap) {
    let asked = Asked::of(request);
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    let exchange = Exchange { asked_at: now, answered_at: now };
    let asked_with = AskedWith { method: &Method::GET, headers: request, asked: &asked };
    let answered = Answered { status: StatusCode::OK, headers: answer, exchange };
    let Ok(kept) = storable(asked_with, answered, &Rules::default()) else { return };
    let said = Said::of(answer);
    assert!(!asked.no_store && (!said.no_store || said.must_understand), "no-store of either side is obeyed");
    let shared = said.public || said.s_maxage.is_some() || said.must_revalidate;
    assert!(
        !request.contains_key("authorization") || shared,
        "what was authorised is kept only when it may be"
    );
    let mut stored = answer.clone();
    strip_for_store(&mut stored, &kept.without);
    assert!(!stored.contains_key("set-cookie"), "nobody gets another one's cookie");
    assert!(kept.lifetimes.fresh_for <= LONGEST && kept.lifetimes.initial_age <= LONGEST);
    check_use(&kept.lifetimes, &asked);
}

/// With age answers only become less usable, and errors are never better served than good answers.
fn check_use(lifetimes: &banyan_httpcache::Lifetimes, asked: &Asked) {
    let ages = [0, 1, 59, 60, 3600, 86_400, 1 << 31, u64::MAX].map(Duration::from_secs);
    for pair in ages.windows(2) {
        let [younger, older] = pair else { continue };
        assert!(lifetimes.is_fresh(*younger) || !lifetimes.is_fresh(*older));
        assert!(lifetimes.ttl(*younger) >= lifetimes.ttl(*older));
        assert!(
            rank(reuse(lifetimes, *younger, &Asked::NOTHING))
                <= rank(reuse(lifetimes, *older, &Asked::NOTHING))
        );
        let on_error = |age: Duration| may_serve_on_error(lifetimes, age, asked);
        assert!(on_error(*younger) || !on_error(*older));
        assert!(reuse(lifetimes, *older, asked) != Reuse::Fresh || lifetimes.is_fresh(*older));
    }
}

fn rank(used: Reuse) -> u8 {
    match used {
        Reuse::Fresh => 0,
        Reuse::Stale | Reuse::WhileRevalidating => 1,
        Reuse::Revalidate | Reuse::Bypass | Reuse::Unavailable => 2,
    }
}

/// A request matches what was kept for itself, and does not with another value in any field that decides.
fn check_variants(request: &HeaderMap, answer: &HeaderMap) {
    let Ok(names) = Names::of(answer) else { return };
    let Some(variant) = names.variant(request) else { return };
    assert!(names.matches(&variant, request));
    for name in names.iter() {
        let mut other = request.clone();
        other.insert(name, HeaderValue::from_static("a value that is generated nowhere"));
        assert!(!names.matches(&variant, &other), "{name} decides");
    }
}

fn check_rest(mut request: HeaderMap, answer: &HeaderMap) {
    let conditions = Conditions::take(&mut request);
    let has_it = conditions.evaluate(answer, UNIX_EPOCH) == Condition::NotModified;
    assert!(!has_it || !conditions.none_match.is_empty() || conditions.modified_since.is_some());
    assert!(Conditions::of(&request).is_empty());
    Validators::of(answer).put_on(&mut request);
    let mut stored = request.clone();
    freshen(&mut stored, answer);
    assert_eq!(stored.get("etag").is_some(), answer.contains_key("etag") || request.contains_key("etag"));
    check_range(&conditions, answer);
    let target = Target { scheme: "https", authority: "a.example", path_and_query: "/a/b?c" };
    for path in invalidated(&Method::POST, target, StatusCode::OK, answer) {
        assert!(path.starts_with('/'), "{path}");
    }
    for tags in
        [tags::groups(answer), tags::surrogate_keys(answer), tags::invalidated_groups(&Method::PUT, answer)]
    {
        let within = |tags: &Vec<String>| {
            tags.len() <= tags::MOST_TAGS && tags.iter().all(|tag| tag.len() <= tags::LONGEST_TAG)
        };
        assert!(tags.as_ref().map_or(true, within), "bounds refuse and never cut off");
    }
    let detail = answer.get("etag").map(|etag| String::from_utf8_lossy(etag.as_bytes()).into_owned());
    let status = CacheStatus { detail: detail.as_deref(), hit: true, ..CacheStatus::default() };
    assert!(status.member("Banyan").to_str().is_ok_and(|member| member.starts_with("Banyan; hit")));
}

/// Whatever is asked for lies within the body, and parts together are no longer than the whole.
fn check_range(conditions: &Conditions, answer: &HeaderMap) {
    for length in [0, 1, 10, u64::MAX] {
        let parts =
            match range::select(conditions.range.as_ref(), conditions.if_range.as_ref(), answer, length) {
                range::Selected::Whole | range::Selected::Nothing => continue,
                range::Selected::One(part) => vec![part],
                range::Selected::Several(parts) => parts.into_vec(),
            };
        assert!(parts.len() <= range::MOST_RANGES);
        assert!(parts.iter().all(|part| part.start < part.end && part.end <= length));
        let sum: u128 = parts.iter().map(|part| u128::from(part.end - part.start)).sum();
        assert!(sum <= u128::from(length));
    }
}

/// The parts of a key as a caller gives them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Parts {
    /// Lower case, as two hosts that differ by nothing else are one.
    pub(crate) host: String,
    pub(crate) side: u32,
    /// In normal form already, as two paths that differ by nothing else are one.
    pub(crate) path: String,
    pub(crate) query: Option<String>,
    pub(crate) extras: Vec<(String, Option<Vec<u8>>)>,
}

impl Parts {
    pub(crate) fn build(&self) -> KeyBuilder {
        let key = KeyBuilder::new().host(&self.host).side(self.side).path(&self.path);
        let key = key.query(self.query.as_deref(), QueryPart::Whole);
        self.extras.iter().fold(key, |key, (name, value)| key.extra(name, value.as_deref()))
    }
}

/// Parts of keys made of any bytes: two halves are cut into parts the same way, and have the same bytes only when the
/// parts are the same.
pub(crate) fn keys(data: &[u8]) {
    let (one, other) = data.split_at(data.len() / 2);
    let (one, other) = (parts(one), parts(other));
    let (one_key, other_key) = (one.build(), other.build());
    assert_eq!(one == other, one_key.as_bytes() == other_key.as_bytes(), "{one:?} {other:?}");
    let secret = Secret::new([3; 16]);
    assert_eq!(one == other, one_key.finish(&secret) == other_key.finish(&secret));
}

/// No percent signs and capitals: those have several ways of writing one thing, which is not what this is about.
fn parts(data: &[u8]) -> Parts {
    let mut texts = data.split(|&byte| byte == 0).map(|text| {
        String::from_utf8_lossy(text)
            .to_lowercase()
            .replace('%', "_")
            .replace(|letter: char| letter.is_ascii_uppercase(), "_")
    });
    let mut text = || texts.next();
    let host = text().unwrap_or_default();
    let path = text().unwrap_or_default();
    let query = text();
    let side = u32::try_from(host.len() % 2).unwrap_or_default();
    let mut extras = Vec::new();
    while let Some(name) = text() {
        extras.push((name, text().map(String::into_bytes)));
    }
    Parts { host, side, path, query, extras }
}
