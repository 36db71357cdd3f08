//! Answers that are wrong, hostile or too large: passed on as far as they may be, and never kept.

use std::time::Duration;

use anyhow::Result;
use banyan_testkit::{Answer, Pattern};

use super::kit::{Counts, HOUR, cache_status, keeping_with, kept, metric, reply, text};

#[tokio::test]
async fn what_breaks_off_is_not_kept() -> Result<()> {
    let head = reply(200, &[HOUR]).length(10).head();
    let chunked =
        b"HTTP/1.1 200 OK\r\nCache-Control: max-age=3600\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    let broken = [
        ("closed within the length", Answer::new().send(head.clone()).send("half").close()),
        ("reset within the length", Answer::new().send(head.clone()).send("half").reset()),
        ("closed before the body", Answer::new().send(head).close()),
        ("closed within a chunk", Answer::new().send(chunked.clone()).send("9\r\nhalf").close()),
        ("closed before the last chunk", Answer::new().send(chunked.clone()).send("4\r\nhalf\r\n").close()),
        ("a chunk of no size", Answer::new().send(chunked).send("4\r\nhalf\r\nx\r\n").close()),
    ];
    for (what, answer) in broken {
        let counts = Counts::default();
        let (_upstream, banyan) = kept(move |request| match counts.next(request) {
            0 => answer.clone(),
            _ => reply(200, &[HOUR]).body("whole").into(),
        })
        .await?;
        // It breaks off here too, within the head or the body, and looks whole to nobody.
        if let Ok(answer) = banyan.client().await?.get("/", "").await {
            assert!(answer.status == 502 || !answer.body.complete, "{what}: {}", answer.text());
        }
        assert_eq!(text(&mut banyan.client().await?, "/", "").await?, "whole", "{what}");
        assert!(metric(&banyan, "banyan_cache_items").await? < 1.5, "{what}");
    }
    Ok(())
}

/// A body that ends with the connection may have been cut, and nobody could tell (RFC 9112 section 8).
#[tokio::test]
async fn what_ends_with_the_connection_is_given_as_it_came() -> Result<()> {
    let (_upstream, banyan) =
        kept(|_| Answer::new().send(reply(200, &[HOUR]).bare("body").bytes()).close()).await?;
    for _ in 0..2 {
        let answer = banyan.client().await?.get("/", "").await?;
        assert_eq!((answer.status, answer.text().as_str(), answer.body.complete), (200, "body", true));
    }
    Ok(())
}

#[tokio::test]
async fn what_is_larger_than_may_be_kept_reaches_everybody_whole() -> Result<()> {
    const SIZE: u64 = 300 << 10;
    for says_length in [true, false] {
        let upstream = banyan_testkit::Scripted::start(move |_| {
            if says_length {
                let head = reply(200, &[HOUR]).length(SIZE).head();
                return Answer::new().send(head).pattern(Pattern::new(SIZE, 1));
            }
            Answer::new().send(reply(200, &[HOUR]).bare("").head()).pattern(Pattern::new(SIZE, 1)).close()
        })
        .await?;
        let banyan = keeping_with(&upstream.url(), "{ memory: 1MiB, max_object: 64KiB }", &[]).await?;
        for count in 1..=2 {
            let answer = banyan.client().await?.get("/", "").await?;
            assert_eq!((answer.body.length, answer.body.sha256), (SIZE, Pattern::new(SIZE, 1).sha256()));
            assert_eq!(upstream.requests().len(), count, "it is not kept");
        }
    }
    Ok(())
}

#[tokio::test]
async fn fields_that_contradict_one_another_are_read_in_the_stricter_way() -> Result<()> {
    for (what, fields) in [
        ("no-store and public", "no-store, public, max-age=60"),
        ("private and s-maxage", "private, s-maxage=60"),
        ("no-store in a list of lists", ",,  ,no-store,, max-age=60"),
        ("only an empty one", ""),
        ("a directive with two arguments", "max-age=60=60"),
        ("no-store with an argument", "no-store=1, max-age=60"),
        ("private with an empty list", "private=\"\", max-age=60"),
        ("no-cache with what are no names", "no-cache=\"a b\", max-age=60"),
        ("control characters of the allowed kind", "max-age=60,\tno-store"),
    ] {
        let (upstream, banyan) =
            kept(move |_| reply(200, &[("Cache-Control", fields)]).body("body").into()).await?;
        let mut client = banyan.client().await?;
        text(&mut client, "/", "").await?;
        text(&mut client, "/", "").await?;
        assert_eq!(upstream.requests().len(), 2, "{what}");
    }
    Ok(())
}

/// Whatever numbers an upstream sends, it neither breaks anything nor is fresh for ever.
#[tokio::test]
async fn numbers_beyond_all_bounds_break_nothing() -> Result<()> {
    let huge = [
        "9223372036854775807",
        "18446744073709551615",
        "18446744073709551616",
        "999999999999999999999999999",
    ];
    for number in huge {
        for field in ["max-age", "s-maxage", "stale-while-revalidate", "stale-if-error"] {
            let control = format!("max-age=1, {field}={number}");
            let (_upstream, banyan) = kept(move |_| {
                reply(
                    200,
                    &[
                        ("Cache-Control", &control),
                        ("Age", number),
                        ("Expires", "Fri, 31 Dec 9999 23:59:59 GMT"),
                    ],
                )
                .field("Date", "Fri, 31 Dec 9999 23:59:59 GMT")
                .body("body")
                .into()
            })
            .await?;
            let mut client = banyan.client().await?;
            for fields in [
                "",
                "Cache-Control: max-stale=99999999999999999999\r\n",
                "Cache-Control: min-fresh=99999999999999999999\r\n",
                "Range: bytes=0-99999999999999999999999\r\n",
            ] {
                let answer = client.get("/", fields).await?;
                assert!([200, 206].contains(&answer.status), "{field}={number} {fields}");
                assert_eq!(answer.text(), "body");
            }
        }
    }
    Ok(())
}

/// Fields that only a gateway may say are not believed when an upstream says them.
#[tokio::test]
async fn fields_of_the_gateway_are_not_believed_when_an_upstream_sends_them() -> Result<()> {
    let (_upstream, banyan) = kept(|_| {
        reply(200, &[HOUR, ("Cache-Status", "origin; hit"), ("Banyan-Unit", "x"), ("Age", "0")])
            .body("body")
            .into()
    })
    .await?;
    let mut client = banyan.client().await?;
    for _ in 0..2 {
        let answer = client.get("/", "").await?;
        assert_eq!(answer.fields.get("banyan-unit"), None);
        let all: Vec<&str> = answer.fields.all("cache-status").collect();
        let ours = all
            .iter()
            .flat_map(|value| value.split(", "))
            .filter(|member| member.starts_with("banyan"))
            .count();
        assert_eq!(ours, 1, "RFC 9211 section 2: each cache adds one member: {all:?}");
        assert!(
            cache_status(&answer).starts_with("origin"),
            "the one nearest to the origin is first: {all:?}"
        );
    }
    Ok(())
}

/// An answer that comes slowly is as old as it took (RFC 9111 section 4.2.3).
#[tokio::test]
async fn s4_2_3_the_time_that_an_answer_took_is_part_of_its_age() -> Result<()> {
    let (upstream, banyan) = kept(|_| {
        let head = reply(200, &[("Cache-Control", "max-age=1, must-revalidate")]).body("body");
        Answer::new().dribble(head.bytes(), Duration::from_millis(15))
    })
    .await?;
    let mut client = banyan.client().await?;
    text(&mut client, "/", "").await?;
    text(&mut client, "/", "").await?;
    assert_eq!(upstream.requests().len(), 2, "it was old when it had come");
    Ok(())
}

/// What has trailers is not whole without them.
#[tokio::test]
async fn what_has_trailers_keeps_them() -> Result<()> {
    let (_upstream, banyan) =
        kept(|_| reply(200, &[HOUR, ("Trailer", "X-Sum")]).chunked(&["bo", "dy"], &[("X-Sum", "4")]).into())
            .await?;
    for _ in 0..2 {
        let mut client = banyan.client().await?;
        let answer = client.get("/", "TE: trailers\r\n").await?;
        assert_eq!((answer.text().as_str(), answer.body.trailers.get("x-sum")), ("body", Some("4")));
    }
    Ok(())
}

#[tokio::test]
async fn a_config_without_cache_keeps_nothing() -> Result<()> {
    let upstream = banyan_testkit::Scripted::start(|_| reply(200, &[HOUR]).body("body").into()).await?;
    let banyan = keeping_with(&upstream.url(), "off", &[]).await?;
    let mut client = banyan.client().await?;
    for _ in 0..2 {
        let answer = client.get("/", "").await?;
        assert_eq!((cache_status(&answer), answer.fields.get("age")), ("", None));
    }
    assert_eq!(upstream.requests().len(), 2);
    let off = keeping_with(&upstream.url(), "{}", &["match: \"GET /off\", cache: off"]).await?;
    let mut client = off.client().await?;
    for _ in 0..2 {
        assert_eq!(text(&mut client, "/off", "").await?, "body");
    }
    assert_eq!(upstream.requests().len(), 4);
    Ok(())
}
