use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::Full;
use serde_json::Value;

use super::*;
use crate::{
    USER_FIELD,
    client::{Answer, AskError, Client},
    community::{ARTICLES, USERS},
    site::temper::Fault,
};

const LIMIT: Duration = Duration::from_secs(30);

async fn ask(client: &Client, method: Method, path: &str, user: u32, body: &str) -> Result<Answer, AskError> {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header(USER_FIELD, format!("user-{user}"))
        .header("content-type", "application/json");
    client.ask(request.body(Full::from(Bytes::from(body.to_owned()))).unwrap(), LIMIT).await
}

async fn json(client: &Client, path: &str, user: u32) -> Value {
    let answer = ask(client, Method::GET, path, user, "").await.unwrap();
    assert_eq!(answer.status, StatusCode::OK, "{path}");
    serde_json::from_slice(&answer.body).unwrap()
}

/// A user for whom the replacement does not fail at `path`.
fn lucky(seed: u64, name: &'static str, path: &str) -> u32 {
    let temper = Temper::shaky(Seed(seed), name);
    let fails = |user: u32| {
        let request =
            Request::builder().uri(path).header(USER_FIELD, format!("user-{user}")).body(()).unwrap();
        temper.fault(&request.into_parts().0).is_some()
    };
    (1..=USERS).find(|&user| !fails(user)).unwrap()
}

/// Names of the top-level fields in which two objects differ.
fn differing(old: &Value, new: &Value) -> Vec<String> {
    let (old, new) = (old.as_object().unwrap(), new.as_object().unwrap());
    assert!(old.keys().eq(new.keys()));
    old.iter().filter(|&(key, value)| new[key] != *value).map(|(key, _)| key.clone()).collect()
}

#[tokio::test]
async fn the_sides_differ_in_the_time_and_for_known_articles_in_the_rating() {
    let site = Site::start(5).unwrap();
    let [old, new] = [site.addresses().legacy, site.addresses().articles].map(Client::new);
    let community = Community::new(Seed(5));
    for number in 1..=ARTICLES {
        let path = format!("/articles/{number}");
        let user = lucky(5, "articles", &path);
        let (old, new) = (json(&old, &path, user).await, json(&new, &path, user).await);
        let is_half = community.article(number).unwrap().rating % 10 == 5;
        let expected: &[&str] = if is_half { &["rating", "updated_at"] } else { &["updated_at"] };
        assert_eq!(differing(&old, &new), expected, "{path}");
    }
}

#[tokio::test]
async fn lists_differ_in_the_time_alone() {
    let site = Site::start(5).unwrap();
    let old = Client::new(site.addresses().legacy);
    // Legacy stands in for the gateway: it has all the pages that notifications are joined from.
    site.connect(site.addresses().legacy);
    let lists = [
        (site.addresses().articles, "articles", "/articles?page=2", 10),
        (site.addresses().comments, "comments", "/articles/7/comments", 1),
        (site.addresses().notifications, "notifications", "/users/3/notifications", 3),
    ];
    for (address, name, path, at_least) in lists {
        let user = lucky(5, name, path);
        let (old, new) = (json(&old, path, user).await, json(&Client::new(address), path, user).await);
        let (old, new) = (old.as_array().unwrap(), new.as_array().unwrap());
        assert!(old.len() >= at_least && old.len() == new.len(), "{path}: {old:?}");
        for (old, new) in old.iter().zip(new) {
            assert_eq!(differing(old, new), ["updated_at"], "{path}");
        }
    }
}

#[tokio::test]
async fn seeded_failures_reach_the_client_as_they_are() {
    let site = Site::start(5).unwrap();
    let client = Client::new(site.addresses().articles);
    let temper = Temper::shaky(Seed(5), "articles");
    let mut seen = Vec::new();
    for user in 1..=USERS {
        let request =
            Request::builder().uri("/articles").header(USER_FIELD, format!("user-{user}")).body(()).unwrap();
        let expected = temper.fault(&request.into_parts().0);
        match (ask(&client, Method::GET, "/articles", user, "").await, expected) {
            (Ok(answer), None) => assert_eq!(answer.status, StatusCode::OK),
            (Ok(answer), Some(Fault::Error)) => {
                assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
            }
            (Err(error), Some(Fault::Reset)) => assert!(is_reset(&error), "{error:?}"),
            (answer, expected) => panic!("user-{user}: {answer:?}, expected {expected:?}"),
        }
        seen.extend(expected);
    }
    assert!(seen.contains(&Fault::Error) && seen.contains(&Fault::Reset), "{seen:?}");
}

fn is_reset(error: &AskError) -> bool {
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = cause {
        if error.downcast_ref::<io::Error>().is_some_and(|e| e.kind() == io::ErrorKind::ConnectionReset) {
            return true;
        }
        cause = error.source();
    }
    false
}

#[tokio::test]
async fn what_is_written_on_either_side_is_in_the_same_books() {
    let site = Site::start(5).unwrap();
    let legacy = Client::new(site.addresses().legacy);
    for (address, text) in [(site.addresses().legacy, "one"), (site.addresses().comments, "two")] {
        let body = format!(r#"{{"text":"{text}"}}"#);
        let answer =
            ask(&Client::new(address), Method::POST, "/articles/3/comments", 8, &body).await.unwrap();
        assert_eq!(answer.status, StatusCode::CREATED);
    }
    let waiting = json(&legacy, "/moderation", 1).await;
    let texts: Vec<_> = waiting.as_array().unwrap().iter().map(|comment| &comment["text"]).collect();
    assert_eq!(texts, ["one", "two"]);
    let liked = ask(&legacy, Method::POST, "/articles/3/likes", 8, "").await.unwrap();
    assert_eq!((liked.status, &liked.body[..]), (StatusCode::OK, &br#"{"likes":1}"#[..]));
    assert_eq!(json(&legacy, "/users/8", 1).await["likes"], 1);
}

#[tokio::test]
async fn what_is_not_there_is_said_so() {
    let site = Site::start(5).unwrap();
    let legacy = Client::new(site.addresses().legacy);
    for path in ["/articles/0", "/articles/201", "/users/301", "/articles/201/comments", "/nothing"] {
        let status = ask(&legacy, Method::GET, path, 1, "").await.unwrap().status;
        assert_eq!(status, StatusCode::NOT_FOUND, "{path}");
    }
    let nobody = ask(&legacy, Method::POST, "/articles/1/likes", 0, "").await.unwrap();
    assert_eq!(nobody.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn notifications_are_missing_a_part_without_the_gateway() {
    let site = Site::start(5).unwrap();
    let client = Client::new(site.addresses().notifications);
    let user = lucky(5, "notifications", "/users/3/notifications");
    let answer = ask(&client, Method::GET, "/users/3/notifications", user, "").await.unwrap();
    assert_eq!(answer.status, StatusCode::BAD_GATEWAY);
    site.connect(site.addresses().legacy);
    let joined = json(&client, "/users/3/notifications", user).await;
    assert!(joined[0]["actor"]["name"].is_string() && joined[0]["article"]["title"].is_string());
}

#[tokio::test]
async fn nothing_listens_after_the_end() {
    let site = Site::start(5).unwrap();
    let addresses = site.addresses();
    drop(site);
    for address in [addresses.legacy, addresses.articles, addresses.comments, addresses.notifications] {
        let refused = tokio::net::TcpStream::connect(address).await.unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
    }
}
