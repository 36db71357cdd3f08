use std::{
    convert::Infallible,
    sync::atomic::{AtomicU64, Ordering::SeqCst},
};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use proptest::prelude::*;
use tokio::{net::TcpListener, sync::Notify};

use super::*;

/// A server that counts, and answers by the count.
struct Fixed {
    asked: AtomicU64,
    enough: u64,
    reached: Notify,
    answer: fn(u64) -> Response<Full<Bytes>>,
}

impl Fixed {
    async fn start(enough: u64, answer: fn(u64) -> Response<Full<Bytes>>) -> (Arc<Self>, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let fixed = Arc::new(Self { asked: AtomicU64::new(0), enough, reached: Notify::new(), answer });
        let server = fixed.clone();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let server = server.clone();
                let service = service_fn(move |request| server.clone().serve(request));
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        });
        (fixed, address)
    }

    async fn serve(self: Arc<Self>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
        assert!(request.headers()[crate::USER_FIELD].to_str().unwrap().starts_with("user-"));
        request.into_body().collect().await.unwrap();
        let number = self.asked.fetch_add(1, SeqCst) + 1;
        if number == self.enough {
            self.reached.notify_one();
        }
        Ok((self.answer)(number))
    }

    /// Traffic against it until it was asked often enough, and what came of it.
    async fn visited(&self, address: SocketAddr, share: u16) -> Snapshot {
        let load = Load { target: address, rate: NonZeroU32::new(1_000).unwrap(), seed: 1 };
        let traffic = Traffic::start(load, move |_| Some(share)).unwrap();
        self.reached.notified().await;
        tokio::task::spawn_blocking(|| traffic.finish()).await.unwrap()
    }
}

fn ok(side: &str) -> Response<Full<Bytes>> {
    let field = format!("articles;side={side};reason=percent;bucket=412");
    Response::builder().header(UNIT_FIELD, field).body(Full::from("{}")).unwrap()
}

#[tokio::test]
async fn every_request_that_was_sent_is_in_the_books() {
    let (fixed, address) = Fixed::start(200, |number| match number % 10 {
        0 => Response::builder().status(StatusCode::BAD_GATEWAY).body(Full::default()).unwrap(),
        1 => Response::new(Full::from("no side")),
        2 => Response::builder()
            .header(DEGRADED_FIELD, "comments; code=UT")
            .header(UNIT_FIELD, "articles;side=legacy;reason=percent;bucket=412")
            .body(Full::from("[]"))
            .unwrap(),
        _ => ok("legacy"),
    })
    .await;
    let found = fixed.visited(address, 500).await;
    let asked = fixed.asked.load(SeqCst);
    assert!(asked >= 200);
    assert_eq!((found.total, found.failed, found.flips), (asked, asked / 10, 0));
    assert_eq!(found.degraded, (asked + 8) / 10);
    let sided = asked - asked / 10 - asked.div_ceil(10);
    assert_eq!(found.units["articles"], Sides { legacy: sided, ..Sides::default() });
    assert!(found.notes[0].ends_with("answered 502"), "{:?}", found.notes);
    assert!(found.overall.p50 > Duration::ZERO && found.overall.p50 <= found.overall.p99);
}

#[tokio::test]
async fn a_server_that_forgets_its_subjects_is_found_out() {
    // Every hundredth visit is answered by the other side: with 300 users, many come back.
    let (fixed, address) =
        Fixed::start(1_000, |number| ok(if number % 100 == 0 { "legacy" } else { "replacement" })).await;
    let found = fixed.visited(address, 500).await;
    assert!(found.flips > 0 && found.flips <= fixed.asked.load(SeqCst) / 100, "{found:?}");
    assert_eq!(found.failed, 0);
}

#[tokio::test]
async fn nobody_listening_is_a_failure() {
    let target = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let traffic = Traffic::start(Load { target, rate: RATE, seed: 1 }, |_| None).unwrap();
    while traffic.snapshot().total == 0 {
        tokio::task::yield_now().await;
    }
    let found = tokio::task::spawn_blocking(|| traffic.finish()).await.unwrap();
    assert_eq!(found.failed, found.total);
    assert!(found.notes[0].contains("cannot connect"), "{:?}", found.notes);
}

#[tokio::test]
async fn a_server_that_stands_still_is_not_asked_without_end() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = listener.local_addr().unwrap();
    let load = Load { target, rate: NonZeroU32::new(100_000).unwrap(), seed: 1 };
    let traffic = Traffic::start(load, |_| None).unwrap();
    let mut held = Vec::new();
    // Accepts and never answers: the visitors run out of slots, and each holds one connection.
    while traffic.snapshot().missed == 0 {
        held.push(listener.accept().await.unwrap());
        tokio::task::yield_now().await;
        if held.len() == MAX_OUTSTANDING as usize {
            break;
        }
    }
    while traffic.snapshot().missed == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(traffic.snapshot().total, 0);
    drop((held, listener));
    let found = tokio::task::spawn_blocking(|| traffic.finish()).await.unwrap();
    assert!(found.total >= u64::from(MAX_OUTSTANDING));
    assert_eq!(found.failed, found.total);
}

proptest! {
    #[test]
    fn requests_are_due_at_a_constant_rate(rate in 1u32..100_000, number in 0u64..100_000_000) {
        let rate = NonZeroU32::new(rate).unwrap();
        prop_assert!(due(rate, number) < due(rate, number + 1));
        prop_assert_eq!(due(rate, number + u64::from(rate.get())), due(rate, number) + Duration::from_secs(1));
    }
}
