//! From host, path, method and fields to a route, in time that does not grow with the table.
//!
//! Order: the exact host, then wildcard hosts from the longest, then any host. Within a host, segment by segment: a
//! literal before `{param}` before `{rest...}`, going back when the rest does not fit. Within one template, rules with
//! more field conditions first, a named method before `*`.

use std::borrow::Cow;

use banyan_config::{
    pattern::Segment,
    plan::{HostMatch, Route},
};
use http::Method;
use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use crate::wire::head::{Head, Values as _};

/// The compiled table. Values are indexes into the plan's routes.
#[derive(Debug, Default)]
pub(crate) struct Router {
    exact: FxHashMap<String, Node>,
    /// Sorted from the longest suffix.
    below: Vec<(String, Node)>,
    any: Node,
}

#[derive(Debug, Default)]
struct Node {
    literals: FxHashMap<Box<str>, Node>,
    param: Option<Box<Node>>,
    /// Rules whose template ends here.
    ends: Rules,
    /// Rules whose template takes the rest from here.
    rests: Rules,
}

/// Nearly always one or two, so they lie in the node itself.
type Rules = SmallVec<[Rule; 2]>;

/// What of a route decides whether it fits, small enough to be looked at without touching the route: with ten thousand
/// routes every line of memory that is not touched counts.
#[derive(Clone, Copy, Debug)]
struct Rule {
    route: u32,
    methods: MethodSet,
    /// The route has conditions on fields or methods outside the set, so the route itself must be asked.
    is_special: bool,
}

/// A set of the methods that nearly every route is about.
#[derive(Clone, Copy, Debug, Default)]
struct MethodSet(u8);

impl MethodSet {
    /// `None` for a method outside the set.
    fn bit(method: &Method) -> Option<u8> {
        Some(match *method {
            Method::GET => 1,
            Method::HEAD => 2,
            Method::POST => 4,
            Method::PUT => 8,
            Method::DELETE => 16,
            Method::PATCH => 32,
            Method::OPTIONS => 64,
            _ => return None,
        })
    }

    const ANY: Self = Self(0xFF);

    /// The methods of a route, and whether all of them are in the set.
    fn of(methods: &[Method]) -> (Self, bool) {
        if methods.is_empty() {
            return (Self::ANY, true);
        }
        let bits = methods.iter().map(Self::bit);
        (Self(bits.clone().flatten().fold(0, |set, bit| set | bit)), bits.clone().all(|bit| bit.is_some()))
    }
}

impl Rule {
    fn of(route: &Route, index: usize) -> Option<Self> {
        let (methods, is_whole) = MethodSet::of(&route.methods);
        let is_special = !is_whole || !route.headers.is_empty();
        Some(Self { route: u32::try_from(index).ok()?, methods, is_special })
    }
}

/// What looking for a route gave.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Match {
    /// This one.
    Route(usize),
    /// Templates fit, but none of their rules accepts the method; these do.
    MethodNotAllowed(Vec<Method>),
    /// Nothing fits.
    None,
}

/// What of a request decides its route.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Query<'a> {
    /// Host without port.
    pub(crate) host: &'a str,
    /// Path as sent.
    pub(crate) path: &'a str,
    /// Method.
    pub(crate) method: &'a Method,
    /// Fields.
    pub(crate) head: &'a Head,
}

impl Router {
    /// Compiles a table.
    #[must_use]
    pub(crate) fn new(routes: &[Route]) -> Self {
        let mut router = Self::default();
        for (index, route) in routes.iter().enumerate() {
            let root = match &route.host {
                None => &mut router.any,
                Some(HostMatch::Exact(host)) => router.exact.entry(host.clone()).or_default(),
                Some(HostMatch::Below(suffix)) => below(&mut router.below, suffix),
            };
            // A config has a size limit, so its routes can be numbered with 32 bits.
            if let Some(rule) = Rule::of(route, index) {
                root.insert(route.pattern.segments(), rule);
            }
        }
        router.below.sort_by_key(|(suffix, _)| std::cmp::Reverse(suffix.len()));
        let roots = router.exact.values_mut().chain(router.below.iter_mut().map(|(_, node)| node));
        roots.chain([&mut router.any]).for_each(|root| root.sort(routes));
        router
    }

    /// Finds the route of a request.
    #[must_use]
    pub(crate) fn find(&self, routes: &[Route], query: &Query<'_>) -> Match {
        let path = normalize(query.path);
        let path = path.strip_prefix('/').unwrap_or(&path);
        let has_hosts = !self.exact.is_empty() || !self.below.is_empty();
        let host = if has_hosts { lower(query.host) } else { Cow::Borrowed("") };
        let below = self.below.iter().filter(|(suffix, _)| is_below(&host, suffix)).map(|(_, node)| node);
        let mut search =
            Search { routes, query, bit: MethodSet::bit(query.method).unwrap_or(0), allowed: Vec::new() };
        // The tables' keys come from the config, so a fast hash is no way to attack them.
        let exact = if self.exact.is_empty() { None } else { self.exact.get(&*host) };
        let found = exact.into_iter().chain(below).chain([&self.any]);
        for root in found {
            if let Some(route) = search.descend(root, Some(path)) {
                return Match::Route(route);
            }
        }
        if search.allowed.is_empty() { Match::None } else { Match::MethodNotAllowed(search.allowed) }
    }
}

fn below<'a>(list: &'a mut Vec<(String, Node)>, suffix: &str) -> &'a mut Node {
    let at = list.iter().position(|(known, _)| known == suffix).unwrap_or_else(|| {
        list.push((suffix.to_owned(), Node::default()));
        list.len() - 1
    });
    &mut list[at].1
}

fn is_below(host: &str, suffix: &str) -> bool {
    host.strip_suffix(suffix).is_some_and(|front| front.len() > 1 && front.ends_with('.'))
}

fn lower(host: &str) -> Cow<'_, str> {
    let host = host.strip_suffix('.').unwrap_or(host);
    if host.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(host.to_ascii_lowercase())
    } else {
        Cow::Borrowed(host)
    }
}

impl Node {
    fn insert(&mut self, segments: &[Segment], rule: Rule) {
        match segments.split_first() {
            None => self.ends.push(rule),
            Some((Segment::Rest(_), _)) => self.rests.push(rule),
            Some((Segment::Literal(text), rest)) => {
                self.literals.entry(text.as_str().into()).or_default().insert(rest, rule);
            }
            Some((Segment::Param(_), rest)) => self.param.get_or_insert_default().insert(rest, rule),
        }
    }

    fn sort(&mut self, routes: &[Route]) {
        let order = |rule: &Rule| {
            let route = &routes[rule.route as usize];
            (std::cmp::Reverse(route.headers.len()), route.methods.is_empty(), rule.route)
        };
        self.ends.sort_by_key(order);
        self.rests.sort_by_key(order);
        self.literals.values_mut().chain(self.param.as_deref_mut()).for_each(|node| node.sort(routes));
    }
}

struct Search<'a> {
    routes: &'a [Route],
    query: &'a Query<'a>,
    /// Of the query's method, 0 outside the set.
    bit: u8,
    allowed: Vec<Method>,
}

impl Search<'_> {
    /// The best rule below `node` for what is left of the path, which is nothing behind its last segment. As deep as the
    /// table's deepest template.
    fn descend(&mut self, node: &Node, left: Option<&str>) -> Option<usize> {
        let deeper = match left {
            None => self.choose(&node.ends),
            Some(_) if node.literals.is_empty() && node.param.is_none() => None,
            Some(left) => {
                let slash = memchr::memchr(b'/', left.as_bytes());
                let (first, rest) = slash.map_or((left, None), |at| (&left[..at], Some(&left[at + 1..])));
                let literal = node.literals.get(first).and_then(|next| self.descend(next, rest));
                literal.or_else(|| {
                    let param = node.param.as_deref().filter(|_| !first.is_empty())?;
                    self.descend(param, rest)
                })
            }
        };
        deeper.or_else(|| self.choose(&node.rests))
    }

    fn choose(&mut self, rules: &[Rule]) -> Option<usize> {
        for rule in rules {
            let index = rule.route as usize;
            if !rule.is_special && rule.methods.0 & self.bit != 0 {
                return Some(index);
            }
            let route = &self.routes[index];
            let fields_fit = route
                .headers
                .iter()
                .all(|(name, value)| self.query.head.first(name) == Some(value.as_bytes()));
            if !fields_fit {
                continue;
            }
            if route.methods.is_empty() || route.methods.contains(self.query.method) {
                return Some(index);
            }
            let new = route.methods.iter().filter(|method| !self.allowed.contains(method));
            let new: Vec<_> = new.cloned().collect();
            self.allowed.extend(new);
        }
        None
    }
}

/// The path that is matched: unreserved characters decoded, dot segments removed (RFC 3986 section 6.2.2), so that no
/// spelling of a path slips past its route. What is sent upstream stays as the client wrote it.
pub(crate) fn normalize(path: &str) -> Cow<'_, str> {
    let bytes = path.as_bytes();
    let mut marks = memchr::memchr2_iter(b'%', b'.', bytes);
    if marks.all(|at| bytes[at] == b'.' && at > 0 && bytes[at - 1] != b'/') {
        return Cow::Borrowed(path);
    }
    let decoded = decode_unreserved(path);
    let mut kept: Vec<&str> = Vec::new();
    let mut parts = decoded.split('/').skip(1).peekable();
    while let Some(part) = parts.next() {
        let last = parts.peek().is_none();
        match part {
            "." if last => kept.push(""),
            "." => {}
            ".." => {
                kept.pop();
                if last {
                    kept.push("");
                }
            }
            other => kept.push(other),
        }
    }
    Cow::Owned(format!("/{}", kept.join("/")))
}

fn decode_unreserved(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    let mut rest = path;
    while let Some(at) = rest.find('%') {
        out.push_str(&rest[..at]);
        let escape = rest.get(at + 1..at + 3).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match escape {
            Some(byte) if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) => {
                out.push(char::from(byte));
                rest = &rest[at + 3..];
            }
            _ => {
                out.push('%');
                rest = &rest[at + 1..];
            }
        }
    }
    out.push_str(rest);
    out
}

/// The values of a template's parameters in a path that it matches, in order.
pub(crate) fn captures<'p>(pattern: &banyan_config::pattern::Pattern, path: &'p str) -> Vec<&'p str> {
    let mut found = Vec::new();
    let mut rest = path.strip_prefix('/').unwrap_or(path);
    for segment in pattern.segments() {
        let (first, after) = rest.split_once('/').unwrap_or((rest, ""));
        match segment {
            Segment::Literal(_) => {}
            Segment::Param(_) => found.push(first),
            Segment::Rest(_) => {
                found.push(rest);
                break;
            }
        }
        rest = after;
    }
    found
}

#[cfg(test)]
mod tests {
    use banyan_config::{
        pattern::Pattern,
        plan::{Effect, RouteCache, RoutePolicy, Target, UpstreamId},
        source::Span,
    };

    use super::*;

    fn route(methods: &[Method], template: &str) -> Route {
        Route {
            pattern: Pattern::parse(template).unwrap(),
            methods: methods.to_vec(),
            host: None,
            headers: Vec::new(),
            target: Target::Upstream(UpstreamId(0)),
            path: None,
            effect: Effect::Read,
            body_limit: None,
            policy: RoutePolicy::default(),
            cache: RouteCache::Off,
            invalidates: Vec::new(),
            span: Span::default(),
        }
    }

    fn find(routes: &[Route], method: &Method, host: &str, path: &str) -> Match {
        let head = Head::default();
        Router::new(routes).find(routes, &Query { host, path, method, head: &head })
    }

    fn table() -> Vec<Route> {
        vec![
            route(&[Method::GET], "/articles/{id}"),
            route(&[Method::GET], "/articles"),
            route(&[Method::POST], "/articles"),
            route(&[], "/{rest...}"),
            route(&[Method::GET], "/articles/new"),
            route(&[Method::GET], "/articles/{id}/comments/{comment}"),
        ]
    }

    #[test]
    fn the_most_specific_template_wins_and_others_stand_in() {
        let table = table();
        for (method, path, expected) in [
            (Method::GET, "/articles/7", 0),
            (Method::GET, "/articles", 1),
            (Method::POST, "/articles", 2),
            (Method::GET, "/articles/new", 4),
            (Method::DELETE, "/articles/7", 3),
            (Method::GET, "/articles/", 3),
            (Method::GET, "/", 3),
            (Method::GET, "/articles/7/comments/9", 5),
            (Method::GET, "/articles/7/comments", 3),
            (Method::GET, "/articles/new/comments/9", 5),
        ] {
            assert_eq!(find(&table, &method, "x", path), Match::Route(expected), "{method} {path}");
        }
    }

    #[test]
    fn no_spelling_slips_past_its_route() {
        let table = table();
        for path in
            ["/%61rticles/7", "/x/../articles/7", "/./articles/7", "/articles/%37", "/x/%2e%2e/articles/7"]
        {
            assert_eq!(find(&table, &Method::GET, "x", path), Match::Route(0), "{path}");
        }
        // A slash that is data stays data.
        assert_eq!(find(&table, &Method::GET, "x", "/articles/7%2Fcomments%2F9"), Match::Route(0));
    }

    #[test]
    fn says_which_methods_there_are() {
        let table = &table()[..3];
        assert_eq!(
            find(table, &Method::PUT, "x", "/articles"),
            Match::MethodNotAllowed(vec![Method::GET, Method::POST])
        );
        assert_eq!(find(table, &Method::PUT, "x", "/nowhere"), Match::None);
    }

    #[test]
    fn hosts_from_exact_to_any_and_back_when_nothing_fits() {
        let mut table = table();
        let mut hosted = route(&[Method::GET], "/{rest...}");
        hosted.host = Some(HostMatch::Below("example.com".into()));
        table.push(hosted);
        let mut exact = route(&[Method::GET], "/articles");
        exact.host = Some(HostMatch::Exact("api.example.com".into()));
        table.push(exact);
        assert_eq!(find(&table, &Method::GET, "API.example.com", "/articles"), Match::Route(7));
        assert_eq!(find(&table, &Method::GET, "api.example.com", "/articles/7"), Match::Route(6));
        assert_eq!(find(&table, &Method::GET, "example.com", "/articles/7"), Match::Route(0));
        assert_eq!(find(&table, &Method::GET, "evilexample.com", "/articles/7"), Match::Route(0));
        assert_eq!(find(&table, &Method::POST, "api.example.com", "/articles"), Match::Route(2));
    }

    #[test]
    fn captured_values_follow_the_template() {
        let pattern = Pattern::parse("/a/{id}/b/{rest...}").unwrap();
        assert_eq!(captures(&pattern, "/a/7/b/c/d"), ["7", "c/d"]);
        assert_eq!(captures(&Pattern::parse("/{rest...}").unwrap(), "/"), [""]);
    }
}
