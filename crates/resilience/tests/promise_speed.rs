//! How fast bodies are looked into, for whoever changes that. It judges nothing; build it optimised:
//! `cargo test --release -p banyan-resilience --test promise_speed -- --ignored --nocapture`

use std::{hint::black_box, time::Instant};

use banyan_resilience::promise::Promise;
use serde_json::{Value, json};

/// What is built here is as it should be.
const SOUND: &str = "sound settings";
const ROUNDS: u32 = 200;

/// A page of articles, some 200 KB.
fn document() -> String {
    let article = |id: u32| {
        json!({
            "id": id,
            "title": format!("Article {id}, with \"quotes\" in its title"),
            "text": "The quick brown fox jumps over the lazy dog. ".repeat(6),
            "tags": ["one", "two", "three"],
            "author": { "id": id % 7, "name": "Ann", "score": 0.5 },
            "is_public": true,
        })
    };
    json!({ "items": (0..400).map(article).collect::<Vec<_>>(), "page": { "next": 2 }, "total": 400 })
        .to_string()
}

#[expect(clippy::print_stdout, reason = "it is run to be read")]
fn measure(what: &str, text: &str, look: impl Fn(&str) -> bool) {
    let began = Instant::now();
    for _ in 0..ROUNDS {
        assert!(look(black_box(text)));
    }
    let bytes = text.len() as f64 * f64::from(ROUNDS);
    println!("{what}: {:.0} MB/s", bytes / began.elapsed().as_secs_f64() / 1e6);
}

#[test]
#[ignore = "a measurement"]
fn how_fast_required_values_are_found() {
    let pointers = ["/total", "/page/next", "/items/0/id"];
    let text = document();
    measure("the document built, then looked into", &text, |text| {
        let value: Value = serde_json::from_str(text).expect(SOUND);
        pointers.iter().all(|pointer| value.pointer(pointer).is_some())
    });
    let json = Promise::new().with_json();
    measure("promise of JSON", &text, |text| json.check(200, None, text.as_bytes()).is_ok());
    let required = pointers
        .iter()
        .try_fold(Promise::new(), |promise, pointer| promise.with_required(pointer))
        .expect(SOUND);
    measure("promise of three values", &text, |text| required.check(200, None, text.as_bytes()).is_ok());
}
