//! A gRPC service and its client, by tonic, with messages that are plain bytes: no compiler of protocol files is needed.

use std::{convert::Infallible, net::SocketAddr, pin::Pin, task::Poll};

use bytes::{Buf as _, BufMut as _, Bytes};
use tokio::net::TcpListener;
use tokio_stream::{Stream, StreamExt as _, wrappers::TcpListenerStream};
use tonic::{
    Request, Response, Status, Streaming,
    client::Grpc as Client,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
    server::{Grpc, NamedService},
    transport::{Channel, Server},
};
use tower::service_fn;

/// Messages as they are.
#[derive(Clone, Copy, Debug, Default)]
pub struct Raw;

impl Codec for Raw {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put(item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        let size = buffer.remaining();
        Ok(Some(buffer.copy_to_bytes(size)))
    }
}

/// `Say` answers what it is told, `Refuse` answers `failed precondition`, `Chat` answers every message of a stream as it
/// comes.
#[derive(Clone, Debug)]
struct Echo;

impl NamedService for Echo {
    const NAME: &'static str = "banyan.test.Echo";
}

type Answer = Pin<Box<dyn Stream<Item = Result<Bytes, Status>> + Send>>;

async fn say(request: Request<Bytes>) -> Result<Response<Bytes>, Status> {
    let mut response = Response::new(request.get_ref().clone());
    if let Some(value) = request.metadata().get("x-echo") {
        response.metadata_mut().insert("x-echo", value.clone());
    }
    Ok(response)
}

async fn refuse(_: Request<Bytes>) -> Result<Response<Bytes>, Status> {
    Err(Status::failed_precondition("not today"))
}

async fn chat(request: Request<Streaming<Bytes>>) -> Result<Response<Answer>, Status> {
    let answers = request
        .into_inner()
        .map(|message| message.map(|text| Bytes::from([b"you said ", &text[..]].concat())));
    Ok(Response::new(Box::pin(answers)))
}

impl tower::Service<http::Request<tonic::body::Body>> for Echo {
    type Response = http::Response<tonic::body::Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<tonic::body::Body>) -> Self::Future {
        Box::pin(async move {
            let mut grpc = Grpc::new(Raw);
            Ok(match request.uri().path() {
                "/banyan.test.Echo/Say" => grpc.unary(service_fn(say), request).await,
                "/banyan.test.Echo/Refuse" => grpc.unary(service_fn(refuse), request).await,
                "/banyan.test.Echo/Chat" => grpc.streaming(service_fn(chat), request).await,
                _ => Status::unimplemented("no such method").into_http(),
            })
        })
    }
}

/// Serves the service on a free port for as long as the runtime lives.
///
/// # Panics
/// When no port is free.
pub async fn serve() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("a bound address");
    tokio::spawn(Server::builder().add_service(Echo).serve_with_incoming(TcpListenerStream::new(listener)));
    address
}

/// A client of the service at `address`.
#[derive(Debug)]
pub struct EchoClient(Client<Channel>);

impl EchoClient {
    /// Connects.
    ///
    /// # Panics
    /// When nobody listens.
    pub async fn connect(address: SocketAddr) -> Self {
        let endpoint = Channel::from_shared(format!("http://{address}")).expect("an address is a URI");
        Self(Client::new(endpoint.connect().await.expect("somebody listens")))
    }

    /// One message there, one back.
    ///
    /// # Errors
    /// The status of the call.
    pub async fn unary(
        &mut self,
        method: &'static str,
        message: Request<Bytes>,
    ) -> Result<Response<Bytes>, Status> {
        self.ready().await?;
        self.0.unary(message, path(method), Raw).await
    }

    /// A stream in each direction.
    ///
    /// # Errors
    /// The status of the call.
    pub async fn chat(
        &mut self,
        messages: impl Stream<Item = Bytes> + Send + 'static,
    ) -> Result<Response<Streaming<Bytes>>, Status> {
        self.ready().await?;
        self.0.streaming(Request::new(messages), path("/banyan.test.Echo/Chat"), Raw).await
    }

    async fn ready(&mut self) -> Result<(), Status> {
        self.0.ready().await.map_err(|error| Status::unavailable(error.to_string()))
    }
}

fn path(method: &'static str) -> http::uri::PathAndQuery {
    http::uri::PathAndQuery::from_static(method)
}
