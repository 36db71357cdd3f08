//! Chunked bodies that break the grammar.

use anyhow::Result;
use banyan_e2e::assert_problem;

use super::{others_are_served, pass_through, refused};

/// A body that comes with its head.
async fn bad(body: &str) -> Result<()> {
    let request =
        format!("POST /bad HTTP/1.1\r\nHost: test.example\r\nTransfer-Encoding: chunked\r\n\r\n{body}");
    refused(request, 400, "bad-request").await
}

#[tokio::test]
async fn size_that_is_no_number() -> Result<()> {
    bad("hello\r\n0\r\n\r\n").await
}

#[tokio::test]
async fn size_that_is_negative() -> Result<()> {
    bad("-5\r\nhello\r\n0\r\n\r\n").await
}

#[tokio::test]
async fn size_with_a_plus() -> Result<()> {
    bad("+5\r\nhello\r\n0\r\n\r\n").await
}

#[tokio::test]
async fn size_with_0x() -> Result<()> {
    bad("0x5\r\nhello\r\n0\r\n\r\n").await
}

#[tokio::test]
async fn size_of_seventeen_digits() -> Result<()> {
    bad("00000000000000005\r\nhello\r\n0\r\n\r\n").await
}

#[tokio::test]
async fn size_that_overflows() -> Result<()> {
    bad("FFFFFFFFFFFFFFFFF\r\nhello\r\n0\r\n\r\n").await
}

#[tokio::test]
async fn size_that_is_empty() -> Result<()> {
    bad("\r\nhello\r\n0\r\n\r\n").await
}

#[tokio::test]
async fn size_with_a_blank_in_front() -> Result<()> {
    bad(" 5\r\nhello\r\n0\r\n\r\n").await
}

#[tokio::test]
async fn size_that_ends_in_a_bare_lf() -> Result<()> {
    bad("5\nhello\r\n0\r\n\r\n").await
}

#[tokio::test]
async fn chunk_longer_than_its_size() -> Result<()> {
    bad("4\r\nhello\r\n0\r\n\r\n").await
}

#[tokio::test]
async fn chunk_that_ends_in_a_bare_lf() -> Result<()> {
    bad("5\r\nhello\n0\r\n\r\n").await
}

#[tokio::test]
async fn extension_without_a_name() -> Result<()> {
    bad("5;\r\nhello\r\n0\r\n\r\n").await
}

#[tokio::test]
async fn extension_without_a_value() -> Result<()> {
    bad("5;a=\r\nhello\r\n0\r\n\r\n").await
}

#[tokio::test]
async fn extension_with_an_open_quote() -> Result<()> {
    bad("5;a=\"b\r\nhello\r\n0\r\n\r\n").await
}

#[tokio::test]
async fn extension_with_a_bare_cr() -> Result<()> {
    bad("5;a=b\rc\r\nhello\r\n0\r\n\r\n").await
}

#[tokio::test]
async fn extension_with_nul() -> Result<()> {
    bad("5;a=\0\r\nhello\r\n0\r\n\r\n").await
}

#[tokio::test]
async fn extension_without_end() -> Result<()> {
    bad(&format!("5;{}", "a".repeat(4096))).await
}

#[tokio::test]
async fn trailer_that_is_no_field() -> Result<()> {
    bad("5\r\nhello\r\n0\r\nno colon\r\n\r\n").await
}

#[tokio::test]
async fn trailer_with_nul() -> Result<()> {
    bad("5\r\nhello\r\n0\r\nX-A: one\0two\r\n\r\n").await
}

/// What comes later has been streamed up to there. It is cut off, so the upstream cannot take it for the whole.
#[tokio::test]
async fn a_bad_chunk_behind_good_ones_cuts_the_request_off() -> Result<()> {
    let (upstream, banyan) = pass_through("").await?;
    let mut client = banyan.client().await?;
    client.write("POST /cut HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n").await?;
    upstream.wait_for_requests(1).await?;
    client.write("oops\r\n").await?;
    let response = client.read_response("POST").await?;
    assert_problem(&response, 400, "bad-request");
    client.closed().await?;
    others_are_served(&banyan).await?;
    let requests = upstream.wait_for_done(2).await?;
    let cut = requests.iter().find(|request| request.target == "/cut").expect("it had begun");
    assert_eq!((cut.body.bytes.as_slice(), cut.body.complete), (&b"hello"[..], false));
    Ok(())
}
