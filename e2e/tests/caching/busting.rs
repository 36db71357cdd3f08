//! Clients that want to fill the memory, or go round the cache.

use anyhow::Result;
use banyan_testkit::Scripted;

use super::kit::{HOUR, keeping_with, kept_by, metric, numbered, reply, text};

const MEMORY: f64 = (4 << 20) as f64;

#[tokio::test]
async fn ten_thousand_variants_of_one_address_stay_within_memory() -> Result<()> {
    let upstream =
        Scripted::start(|_| reply(200, &[HOUR, ("Vary", "X-Any")]).body(vec![b'x'; 2000]).into()).await?;
    let banyan = keeping_with(&upstream.url(), "{ memory: 4MiB }", &[]).await?;
    let mut client = banyan.client().await?;
    for variant in 0..10_000 {
        text(&mut client, "/", &format!("X-Any: {variant}\r\n")).await?;
    }
    let used = metric(&banyan, "banyan_cache_bytes").await?;
    assert!(used > 1000.0 && used <= MEMORY, "{used} bytes");
    assert!(metric(&banyan, "banyan_cache_evictions_total").await? > 1.0);
    // It still works for who comes again.
    let before = upstream.requests().len();
    for _ in 0..3 {
        text(&mut client, "/", "X-Any: again\r\n").await?;
    }
    assert!(upstream.requests().len() <= before + 2);
    Ok(())
}

#[tokio::test]
async fn ten_thousand_addresses_stay_within_memory_too() -> Result<()> {
    let upstream = Scripted::start(|_| reply(200, &[HOUR]).body(vec![b'x'; 2000]).into()).await?;
    let banyan = keeping_with(&upstream.url(), "{ memory: 4MiB }", &[]).await?;
    let mut client = banyan.client().await?;
    for address in 0..10_000 {
        text(&mut client, &format!("/?{address}"), "").await?;
    }
    let used = metric(&banyan, "banyan_cache_bytes").await?;
    assert!(used > 1000.0 && used <= MEMORY, "{used} bytes");
    Ok(())
}

#[tokio::test]
async fn queries_that_only_bust_the_cache_are_ignored_where_the_route_says_so() -> Result<()> {
    let routes = [
        "match: \"GET /path\", cache: { key: [ path ] }",
        "match: \"GET /lang\", cache: { key: [ path, \"query:lang\" ] }",
    ];
    let (upstream, banyan) = kept_by(&routes, numbered(&[HOUR])).await?;
    let mut client = banyan.client().await?;
    for query in ["", "?", "?a", "?utm_source=x", "?a=1&b=2"] {
        assert_eq!(text(&mut client, &format!("/path{query}"), "").await?, "0");
    }
    assert_eq!(upstream.requests().len(), 1);
    for query in ["?lang=de", "?lang=de&x=1", "?x=1&lang=de", "?x&lang=de&y"] {
        text(&mut client, &format!("/lang{query}"), "").await?;
    }
    assert_eq!(upstream.requests().len(), 2);
    for query in ["?lang=en", "?lang=", "?lang=de&lang=en", ""] {
        text(&mut client, &format!("/lang{query}"), "").await?;
    }
    assert_eq!(upstream.requests().len(), 6, "these are other questions");
    Ok(())
}

/// Elsewhere all of the query counts, whatever order a client writes it in.
#[tokio::test]
async fn without_such_a_key_every_query_is_a_question_of_its_own() -> Result<()> {
    let (upstream, banyan) = kept_by(&[], numbered(&[HOUR])).await?;
    let mut client = banyan.client().await?;
    let queries = ["", "?", "?a", "?a=", "?a=1", "?a=2", "?a=1&a=2", "?a=2&a=1", "?A=1", "?a=1&b=1"];
    for query in queries {
        text(&mut client, &format!("/{query}"), "").await?;
    }
    let first = upstream.requests().len();
    assert!(first >= queries.len() - 1, "{first}: at most the empty query is the same as none");
    for query in queries {
        text(&mut client, &format!("/{query}"), "").await?;
    }
    assert_eq!(upstream.requests().len(), first);
    Ok(())
}

/// What makes place for its own successor did not have to go for others.
#[tokio::test]
async fn only_what_had_to_go_for_others_counts_as_evicted() -> Result<()> {
    let (_upstream, banyan) = kept_by(&[], numbered(&[HOUR, ("ETag", "\"a\"")])).await?;
    let mut client = banyan.client().await?;
    for round in 0..10 {
        assert_eq!(text(&mut client, "/", "Cache-Control: no-cache\r\n").await?, round.to_string());
    }
    let evicted = metric(&banyan, "banyan_cache_evictions_total").await?;
    assert!(evicted < 0.5, "{evicted}");
    Ok(())
}
