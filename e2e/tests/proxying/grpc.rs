//! gRPC, by tonic on both ends.

use anyhow::{Context as _, Result};
use banyan_e2e::grpc::{EchoClient, serve};
use banyan_testkit::Banyan;
use bytes::Bytes;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Request};

async fn gateway() -> Result<Banyan> {
    let service = serve().await;
    let config = format!(
        "upstreams: {{ echo: {{ endpoints: [\"http://{service}\"], protocol: http2 }} }}\nroutes: [ {{ match: \"POST /banyan.test.Echo/{{method}}\", to: echo }} ]\n"
    );
    Banyan::start(&config).await
}

#[tokio::test]
async fn unary() -> Result<()> {
    let banyan = gateway().await?;
    let mut client = EchoClient::connect(banyan.address()).await;
    for size in [0, 1, 100_000, 3_000_000] {
        let mut request = Request::new(Bytes::from(vec![7; size]));
        request.metadata_mut().insert("x-echo", "heard".parse()?);
        let response = client.unary("/banyan.test.Echo/Say", request).await?;
        assert_eq!(response.metadata().get("x-echo").context("no metadata")?, "heard");
        assert_eq!(response.into_inner().len(), size);
    }
    Ok(())
}

#[tokio::test]
async fn a_status_other_than_ok() -> Result<()> {
    let banyan = gateway().await?;
    let mut client = EchoClient::connect(banyan.address()).await;
    let refused =
        client.unary("/banyan.test.Echo/Refuse", Request::new(Bytes::new())).await.expect_err("a refusal");
    assert_eq!((refused.code(), refused.message()), (Code::FailedPrecondition, "not today"));
    let unknown =
        client.unary("/banyan.test.Echo/Unknown", Request::new(Bytes::new())).await.expect_err("a refusal");
    assert_eq!(unknown.code(), Code::Unimplemented);
    Ok(())
}

/// One message there, one back, again and again on the same stream: nothing waits for an end that has not come.
#[tokio::test]
async fn streaming_in_both_directions() -> Result<()> {
    let banyan = gateway().await?;
    let mut client = EchoClient::connect(banyan.address()).await;
    let (say, messages) = mpsc::channel(1);
    let mut answers = client.chat(ReceiverStream::new(messages)).await?.into_inner();
    for number in 0..100 {
        say.send(Bytes::from(format!("message {number}"))).await?;
        let answer = answers.message().await?.context("the stream ended")?;
        assert_eq!(answer, format!("you said message {number}"));
    }
    drop(say);
    assert_eq!(answers.message().await?, None);
    assert!(answers.trailers().await?.is_some());
    Ok(())
}

#[tokio::test]
async fn calls_at_once_do_not_mix() -> Result<()> {
    let banyan = gateway().await?;
    let mut calls = tokio::task::JoinSet::new();
    for number in 0..50 {
        let mut client = EchoClient::connect(banyan.address()).await;
        calls.spawn(async move {
            let message = Bytes::from(format!("call {number}"));
            let response = client.unary("/banyan.test.Echo/Say", Request::new(message.clone())).await?;
            anyhow::Ok(response.into_inner() == message)
        });
    }
    while let Some(same) = calls.join_next().await {
        assert!(same??);
    }
    Ok(())
}
