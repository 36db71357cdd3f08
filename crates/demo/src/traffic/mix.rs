//! What visitors ask for.

use bytes::Bytes;
use http::{HeaderValue, Method, Request, header};
use http_body_util::Full;
use serde_json::json;

use crate::{
    USER_FIELD, USER_PREFIX,
    community::{ARTICLES, PER_PAGE, USERS},
    seed::Seed,
};

/// One visit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Visit {
    /// Number of the user who comes.
    pub(crate) user: u32,
    pub(crate) method: Method,
    /// Path and query.
    pub(crate) path: String,
    /// The unit whose route this is, if any.
    pub(crate) unit: Option<&'static str>,
    /// JSON; empty when there is none.
    pub(crate) body: Bytes,
}

impl Visit {
    /// The `number`th visit of a seed.
    pub(crate) fn draw(seed: Seed, number: u64) -> Self {
        let user = 1 + seed.below(USERS, "visit.user", number);
        let article = 1 + seed.below(ARTICLES, "visit.article", number);
        let page = 1 + seed.below(ARTICLES.div_ceil(PER_PAGE), "visit.page", number);
        let get = |path, unit| Self { user, method: Method::GET, path, unit, body: Bytes::new() };
        // In percent of all visits: mostly readers, as on any such site.
        match seed.below(100, "visit.kind", number) {
            0..20 => get(format!("/articles?page={page}"), Some("articles")),
            20..52 => get(format!("/articles/{article}"), Some("articles")),
            52..70 => get(format!("/articles/{article}/comments"), Some("comments")),
            70..82 => get(format!("/users/{user}/notifications"), Some("notifications")),
            82..92 => get(format!("/users/{user}"), None),
            92..97 => Self {
                method: Method::POST,
                body: json!({ "text": format!("Comment {number} of the demo.") }).to_string().into(),
                ..get(format!("/articles/{article}/comments"), Some("comments"))
            },
            _ => Self { method: Method::POST, ..get(format!("/articles/{article}/likes"), None) },
        }
    }

    /// Who comes, as the gateway's subject is called.
    pub(crate) fn subject(&self) -> String {
        format!("{USER_PREFIX}{}", self.user)
    }

    /// The request; without `Host`, which is the client's to say.
    ///
    /// # Errors
    /// Never for a visit that was drawn: its parts are valid.
    pub(crate) fn request(&self) -> http::Result<Request<Full<Bytes>>> {
        let mut request = Request::builder()
            .method(self.method.clone())
            .uri(&self.path)
            .header(USER_FIELD, self.subject())
            .header(header::ACCEPT, HeaderValue::from_static("application/json"));
        if !self.body.is_empty() {
            request = request.header(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        request.body(Full::new(self.body.clone()))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_seed_makes_one_row_of_visits() {
        let row = |seed| (0..1_000).map(|number| Visit::draw(Seed(seed), number)).collect::<Vec<_>>();
        assert_eq!(row(1), row(1));
        assert_ne!(row(1), row(2));
    }

    #[test]
    fn every_kind_comes_and_most_are_readers() {
        let mut kinds = BTreeMap::<_, u32>::new();
        for number in 0..10_000 {
            let visit = Visit::draw(Seed(1), number);
            *kinds.entry((visit.method.to_string(), visit.unit)).or_default() += 1;
        }
        let share = |method: &str, unit| kinds[&(method.to_owned(), unit)];
        assert_eq!(kinds.len(), 6, "{kinds:?}");
        assert!((5_000..5_400).contains(&share("GET", Some("articles"))), "{kinds:?}");
        assert!((400..600).contains(&share("POST", Some("comments"))), "{kinds:?}");
        assert!((200..400).contains(&share("POST", None)), "{kinds:?}");
    }

    proptest! {
        #[test]
        fn every_visit_is_a_request(seed: u64, number: u64) {
            let visit = Visit::draw(Seed(seed), number);
            let request = visit.request().unwrap();
            prop_assert_eq!(request.headers()[USER_FIELD].to_str().unwrap(), visit.subject());
        }
    }
}
