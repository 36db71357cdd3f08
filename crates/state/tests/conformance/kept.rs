//! Secrets and hot URLs.

use banyan_state::{CacheUrl, HotUrl, MAX_HOT_URL_BYTES, MAX_HOT_URLS};

use crate::stores::on_each;

#[test]
fn a_secret_is_made_once() {
    on_each(|store| {
        assert_eq!(store.secret("cookie", &[1; 32]).unwrap(), [1; 32]);
        assert_eq!(store.secret("cookie", &[2; 32]).unwrap(), [1; 32]);
        assert_eq!(store.secret("other", &[2; 32]).unwrap(), [2; 32]);
    });
}

fn hot(target: &str, count: u64) -> HotUrl {
    let url =
        CacheUrl { host: "a.example:8080".to_owned(), target: target.to_owned(), secure: count % 2 == 1 };
    HotUrl { url, count }
}

#[test]
fn hot_urls_are_kept_in_their_order_and_replaced_as_a_whole() {
    on_each(|store| {
        assert_eq!(store.hot_urls().unwrap(), []);
        let first = [hot("/a?b=\"'", 9), hot("/%C3%A9", 9), hot("/z", 1)];
        store.set_hot_urls(&first).unwrap();
        assert_eq!(store.hot_urls().unwrap(), first);
        let second = [hot("/z", 20), hot("/new", 7)];
        store.set_hot_urls(&second).unwrap();
        assert_eq!(store.hot_urls().unwrap(), second);
        store.set_hot_urls(&[]).unwrap();
        assert_eq!(store.hot_urls().unwrap(), []);
    });
}

#[test]
fn hot_urls_are_bounded_in_number_and_length() {
    on_each(|store| {
        let room = MAX_HOT_URL_BYTES - "a.example:8080".len();
        let (long, fits) = (hot(&"x".repeat(room + 1), 5), hot(&"x".repeat(room), 4));
        let few = vec![hot("/", 1); MAX_HOT_URLS];
        store.set_hot_urls(&[vec![long, fits.clone()], few].concat()).unwrap();
        let kept = store.hot_urls().unwrap();
        assert_eq!((kept.len(), &kept[0], &kept[1]), (MAX_HOT_URLS, &fits, &hot("/", 1)));
    });
}
