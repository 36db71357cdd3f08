//! Heads on whose meaning two parsers might disagree, or that mean nothing.

use anyhow::Result;

use super::{others_are_served, pass_through, refused};

/// A POST whose fields after `Host` are `fields`, with the bytes of a body behind it.
fn with(fields: &str) -> String {
    format!("POST /bad HTTP/1.1\r\nHost: test.example\r\n{fields}\r\n\r\nhello")
}

async fn bad(request: impl AsRef<[u8]>) -> Result<()> {
    refused(request, 400, "bad-request").await
}

#[tokio::test]
async fn content_lengths_that_conflict() -> Result<()> {
    bad(with("Content-Length: 5\r\nContent-Length: 6")).await
}

#[tokio::test]
async fn content_length_repeated() -> Result<()> {
    bad(with("Content-Length: 5\r\nContent-Length: 5")).await
}

#[tokio::test]
async fn content_length_as_a_list() -> Result<()> {
    bad(with("Content-Length: 5, 5")).await
}

#[tokio::test]
async fn content_length_with_a_sign() -> Result<()> {
    bad(with("Content-Length: +5")).await
}

#[tokio::test]
async fn content_length_that_overflows() -> Result<()> {
    bad(with("Content-Length: 18446744073709551616")).await
}

#[tokio::test]
async fn transfer_encoding_with_content_length() -> Result<()> {
    bad(with("Content-Length: 5\r\nTransfer-Encoding: chunked")).await
}

#[tokio::test]
async fn transfer_encoding_twice() -> Result<()> {
    bad(with("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked")).await
}

#[tokio::test]
async fn transfer_encoding_chunked_chunked() -> Result<()> {
    bad(with("Transfer-Encoding: chunked, chunked")).await
}

#[tokio::test]
async fn transfer_encoding_that_ends_nowhere() -> Result<()> {
    bad(with("Transfer-Encoding: gzip")).await
}

#[tokio::test]
async fn transfer_encoding_in_http_1_0() -> Result<()> {
    bad("POST /bad HTTP/1.0\r\nHost: test.example\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n").await
}

#[tokio::test]
async fn transfer_coding_nobody_speaks() -> Result<()> {
    refused(with("Transfer-Encoding: gzip, chunked"), 501, "unknown-transfer-coding").await
}

#[tokio::test]
async fn obs_fold() -> Result<()> {
    bad(with("X-A: one\r\n two")).await
}

#[tokio::test]
async fn obs_fold_of_the_first_field() -> Result<()> {
    bad("GET /bad HTTP/1.1\r\n Host: test.example\r\n\r\n").await
}

#[tokio::test]
async fn bare_cr_in_a_value() -> Result<()> {
    bad(with("X-A: one\rX-B: two")).await
}

#[tokio::test]
async fn bare_cr_as_a_line_end() -> Result<()> {
    bad("GET /bad HTTP/1.1\rHost: test.example\r\n\r\n").await
}

#[tokio::test]
async fn bare_lf_as_a_line_end() -> Result<()> {
    bad("GET /bad HTTP/1.1\r\nHost: test.example\nX-A: one\r\n\r\n").await
}

#[tokio::test]
async fn bare_lf_throughout() -> Result<()> {
    bad("GET /bad HTTP/1.1\nHost: test.example\n\n").await
}

#[tokio::test]
async fn nul_in_a_value() -> Result<()> {
    bad(with("X-A: one\0two")).await
}

#[tokio::test]
async fn nul_in_a_name() -> Result<()> {
    bad(with("X\0A: one")).await
}

#[tokio::test]
async fn nul_in_the_target() -> Result<()> {
    bad("GET /bad\0 HTTP/1.1\r\nHost: test.example\r\n\r\n").await
}

#[tokio::test]
async fn control_characters_in_values() -> Result<()> {
    for control in (1..0x20_u8).chain([0x7F]).filter(|byte| !b"\t\r\n".contains(byte)) {
        bad(with(&format!("X-A: one{}two", char::from(control)))).await?;
    }
    Ok(())
}

#[tokio::test]
async fn blank_before_the_colon() -> Result<()> {
    bad(with("Transfer-Encoding : chunked")).await
}

#[tokio::test]
async fn missing_host() -> Result<()> {
    bad("GET /bad HTTP/1.1\r\nX-A: one\r\n\r\n").await
}

#[tokio::test]
async fn double_host() -> Result<()> {
    bad("GET /bad HTTP/1.1\r\nHost: a.example\r\nHost: b.example\r\n\r\n").await
}

#[tokio::test]
async fn double_host_of_the_same_name() -> Result<()> {
    bad("GET /bad HTTP/1.1\r\nHost: a.example\r\nHost: a.example\r\n\r\n").await
}

#[tokio::test]
async fn empty_host() -> Result<()> {
    bad("GET /bad HTTP/1.1\r\nHost:\r\n\r\n").await
}

#[tokio::test]
async fn host_that_is_none() -> Result<()> {
    bad("GET /bad HTTP/1.1\r\nHost: user@test.example/path\r\n\r\n").await
}

#[tokio::test]
async fn absolute_form_with_another_host() -> Result<()> {
    bad("GET http://other.example/bad HTTP/1.1\r\nHost: test.example\r\n\r\n").await
}

#[tokio::test]
async fn absolute_form_with_another_port() -> Result<()> {
    bad("GET http://test.example:81/bad HTTP/1.1\r\nHost: test.example\r\n\r\n").await
}

#[tokio::test]
async fn absolute_form_with_userinfo() -> Result<()> {
    bad("GET http://test.example@other.example/bad HTTP/1.1\r\nHost: other.example\r\n\r\n").await
}

#[tokio::test]
async fn fragment_in_the_target() -> Result<()> {
    bad("GET /bad#part HTTP/1.1\r\nHost: test.example\r\n\r\n").await
}

#[tokio::test]
async fn asterisk_for_anything_but_options() -> Result<()> {
    bad("GET * HTTP/1.1\r\nHost: test.example\r\n\r\n").await
}

#[tokio::test]
async fn connect() -> Result<()> {
    bad("CONNECT test.example:443 HTTP/1.1\r\nHost: test.example:443\r\n\r\n").await
}

#[tokio::test]
async fn http_0_9() -> Result<()> {
    bad("GET /bad\r\n\r\n").await
}

#[tokio::test]
async fn a_version_nobody_speaks() -> Result<()> {
    refused("GET /bad HTTP/3.0\r\nHost: test.example\r\n\r\n", 505, "version-not-supported").await
}

#[tokio::test]
async fn half_of_the_preface_of_http_2() -> Result<()> {
    refused("PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n", 505, "version-not-supported").await
}

#[tokio::test]
async fn tls_on_a_port_that_speaks_none() -> Result<()> {
    // The record of a ClientHello, and enough behind it to hold what could be taken for the end of a line.
    let mut hello = vec![0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xFC, 0x03, 0x03];
    hello.extend_from_slice(&[0x0A; 64]);
    bad(hello).await
}

/// A good request in front does not make the bad one behind it better: it is answered, then the connection ends.
#[tokio::test]
async fn a_bad_request_behind_a_good_one() -> Result<()> {
    let (upstream, banyan) = pass_through("").await?;
    let mut client = banyan.client().await?;
    client.write("GET /good HTTP/1.1\r\nHost: a\r\n\r\nGET /bad HTTP/1.1\r\n\r\nGET /never HTTP/1.1\r\nHost: a\r\n\r\n").await?;
    assert_eq!(client.read_response("GET").await?.status, 200);
    assert_eq!(client.read_response("GET").await?.status, 400);
    client.closed().await?;
    others_are_served(&banyan).await?;
    let targets: Vec<_> = upstream.requests().into_iter().map(|request| request.target).collect();
    assert_eq!(targets, ["/good", "/others"]);
    Ok(())
}

/// Whatever reading a client hopes for, what is behind the first request is never taken for a request of its own.
#[tokio::test]
async fn smuggling_in_a_body() -> Result<()> {
    let (upstream, banyan) = pass_through("").await?;
    let hidden = "GET /hidden HTTP/1.1\r\nHost: test.example\r\n\r\n";
    let mut client = banyan.client().await?;
    let length = hidden.len();
    client
        .write(format!("POST /open HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n{hidden}"))
        .await?;
    assert_eq!(client.read_response("POST").await?.status, 200);
    others_are_served(&banyan).await?;
    let requests = upstream.wait_for_done(2).await?;
    assert_eq!(requests[0].body.bytes, hidden.as_bytes());
    let targets: Vec<_> = requests.into_iter().map(|request| request.target).collect();
    assert_eq!(targets, ["/open", "/others"]);
    Ok(())
}
