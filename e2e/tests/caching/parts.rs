//! Ranges (RFC 9110 section 14): cut out of what is kept, and never kept as if they were the whole.

use anyhow::Result;
use banyan_testkit::Reply;

use super::kit::{HOUR, becomes, kept, reply, send, text};

const BODY: &str = "0123456789";

#[tokio::test]
async fn ranges_are_cut_out_of_what_is_kept() -> Result<()> {
    let (upstream, banyan) = kept(|_| {
        reply(200, &[HOUR, ("ETag", "\"a\""), ("Last-Modified", "Wed, 17 Aug 1994 02:00:00 GMT")])
            .body(BODY)
            .into()
    })
    .await?;
    let mut client = banyan.client().await?;
    text(&mut client, "/", "").await?;
    for (fields, status, body, content_range) in [
        ("Range: bytes=0-0", 206, "0", Some("bytes 0-0/10")),
        ("Range: bytes=2-4", 206, "234", Some("bytes 2-4/10")),
        ("Range: bytes=7-", 206, "789", Some("bytes 7-9/10")),
        ("Range: bytes=-3", 206, "789", Some("bytes 7-9/10")),
        ("Range: bytes=-99", 206, BODY, Some("bytes 0-9/10")),
        ("Range: bytes=4-99999999999999999999", 206, "456789", Some("bytes 4-9/10")),
        // Out of bounds: there is nothing to give.
        ("Range: bytes=10-", 416, "", Some("bytes */10")),
        ("Range: bytes=99999999999999999999-", 416, "", Some("bytes */10")),
        ("Range: bytes=-0", 416, "", Some("bytes */10")),
        // What is no range of bytes is ignored.
        ("Range: bytes=4-2", 200, BODY, None),
        ("Range: bytes=a-b", 200, BODY, None),
        ("Range: bytes=", 200, BODY, None),
        ("Range: lines=1-2", 200, BODY, None),
        ("Range: bytes=0-1\r\nRange: bytes=2-3", 200, BODY, None),
        // Only of the version that the client has a part of.
        ("Range: bytes=2-4\r\nIf-Range: \"a\"", 206, "234", Some("bytes 2-4/10")),
        ("Range: bytes=2-4\r\nIf-Range: \"b\"", 200, BODY, None),
        ("Range: bytes=2-4\r\nIf-Range: W/\"a\"", 200, BODY, None),
        // A client that has it all is told so before any range is looked at.
        ("Range: bytes=2-4\r\nIf-None-Match: \"a\"", 304, "", None),
    ] {
        let response = client.get("/", &format!("{fields}\r\n")).await?;
        let came = (response.status, response.text(), response.fields.get("content-range"));
        assert_eq!(came, (status, body.to_owned(), content_range), "{fields}");
    }
    assert_eq!(
        send(&mut client, "HEAD", "/", "Range: bytes=2-4\r\n").await?.status,
        200,
        "only GET has ranges"
    );
    assert_eq!(text(&mut client, "/", "").await?, BODY);
    assert_eq!(upstream.requests().len(), 1);
    Ok(())
}

#[tokio::test]
async fn several_ranges_come_as_parts_and_a_flood_of_them_does_not_grow() -> Result<()> {
    let (_upstream, banyan) =
        kept(|_| reply(200, &[HOUR, ("Content-Type", "text/plain")]).body(BODY).into()).await?;
    let mut client = banyan.client().await?;
    text(&mut client, "/", "").await?;
    let response = client.get("/", "Range: bytes=0-1, 8-\r\n").await?;
    let kind = response.fields.get("content-type").unwrap_or_default().to_owned();
    assert!(response.status == 206 && kind.starts_with("multipart/byteranges; boundary="), "{kind}");
    let boundary = kind.split_once("boundary=").unwrap().1.trim_matches('"');
    let text = response.text();
    assert_eq!(text.matches(&format!("--{boundary}")).count(), 3, "{text}");
    for part in ["bytes 0-1/10\r\n", "\r\n\r\n01\r\n", "bytes 8-9/10\r\n", "\r\n\r\n89\r\n", "text/plain"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    // Section 14.2: overlapping ranges are an attack; the answer is never much larger than the whole.
    for ranges in ["0-,".repeat(500), "0-0,".repeat(500), "0-5,3-9,".repeat(100)] {
        let response = client.get("/", &format!("Range: bytes={}\r\n", ranges.trim_end_matches(','))).await?;
        assert!([200, 206, 416].contains(&response.status), "{}", response.status);
        assert!(response.body.length < 1000, "{} bytes", response.body.length);
    }
    Ok(())
}

/// A part is for the one who asked for it. The whole is asked for by who wants it.
#[tokio::test]
async fn a_part_from_the_upstream_is_never_given_as_the_whole() -> Result<()> {
    let (upstream, banyan) = kept(|request| match request.fields.get("range") {
        Some("bytes=2-4") => {
            reply(206, &[HOUR, ("Content-Range", "bytes 2-4/10"), ("ETag", "\"a\"")]).body("234").into()
        }
        Some(_) => reply(416, &[HOUR, ("Content-Range", "bytes */10")]).body("no").into(),
        None => reply(200, &[HOUR, ("ETag", "\"a\"")]).body(BODY).into(),
    })
    .await?;
    let mut client = banyan.client().await?;
    let part = client.get("/", "Range: bytes=2-4\r\n").await?;
    assert_eq!((part.status, part.text().as_str()), (206, "234"));
    assert_eq!(client.get("/", "Range: bytes=50-\r\n").await?.status, 416);
    assert_eq!(text(&mut client, "/", "").await?, BODY);
    let part = client.get("/", "Range: bytes=2-4\r\n").await?;
    assert_eq!((part.status, part.text().as_str()), (206, "234"));
    assert_eq!(upstream.requests().len(), 3, "now it is cut out");
    Ok(())
}

/// An upstream may ignore ranges, and what it sends then is the whole.
#[tokio::test]
async fn a_whole_that_was_asked_for_in_part_is_given_as_it_came() -> Result<()> {
    let (_upstream, banyan) = kept(|_| reply(200, &[HOUR]).body(BODY).into()).await?;
    let mut client = banyan.client().await?;
    let whole = client.get("/", "Range: bytes=2-4\r\n").await?;
    assert_eq!((whole.status, whole.text().as_str()), (200, BODY));
    becomes(&banyan, "/", BODY).await?;
    Ok(())
}

/// A range of an answer that has to be validated first.
#[tokio::test]
async fn a_range_of_what_is_stale_is_cut_out_once_it_is_known_to_hold() -> Result<()> {
    let (upstream, banyan) = kept(|request| match request.fields.get("if-none-match") {
        Some(_) => Reply::new(304).bare("").into(),
        None => reply(200, &[("Cache-Control", "no-cache"), ("ETag", "\"a\"")]).body(BODY).into(),
    })
    .await?;
    let mut client = banyan.client().await?;
    text(&mut client, "/", "").await?;
    let part = client.get("/", "Range: bytes=-2\r\n").await?;
    assert_eq!((part.status, part.text().as_str()), (206, "89"));
    let came = upstream.requests();
    assert_eq!((came.len(), came[1].fields.get("range")), (2, None));
    Ok(())
}
