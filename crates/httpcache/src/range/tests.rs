use std::time::{Duration, UNIX_EPOCH};

use http::HeaderName;

use super::*;

fn head(fields: &[(&str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        headers
            .append(HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_str(value).unwrap());
    }
    headers
}

fn of(length: u64, range: &str) -> Selected {
    select(Some(&HeaderValue::from_str(range).unwrap()), None, &HeaderMap::new(), length)
}

#[test]
fn rfc9110_14_1_2_one_range_is_cut_to_what_there_is() {
    for (range, expected) in [
        ("bytes=0-1", 0..2),
        ("bytes=1-", 1..10),
        ("bytes=-1", 9..10),
        ("bytes=-99", 0..10),
        ("bytes=8-99", 8..10),
        ("bytes=0-18446744073709551615", 0..10),
        ("bytes=0-99999999999999999999999", 0..10),
        ("Bytes= 3-3 ", 3..4),
        ("bytes=20-30, 4-5", 4..6),
    ] {
        assert_eq!(of(10, range), Selected::One(expected), "{range}");
    }
}

#[test]
fn rfc9110_15_5_17_nothing_is_selected_beyond_the_end() {
    for range in ["bytes=10-", "bytes=10-20", "bytes=-0", "bytes=10-,11-"] {
        assert_eq!(of(10, range), Selected::Nothing, "{range}");
    }
    assert_eq!(of(0, "bytes=0-"), Selected::Nothing);
    assert_eq!(of(0, "bytes=-5"), Selected::Nothing);
    assert_eq!(unsatisfied(10), "bytes */10");
}

#[test]
fn rfc9110_14_2_what_cannot_be_read_is_ignored() {
    for range in [
        "bytes",
        "bytes=",
        "bytes=a-b",
        "bytes=2-1",
        "bytes=1",
        "items=0-1",
        "bytes=0-1,x",
        "bytes=-",
        "bytes=+1-2",
    ] {
        assert_eq!(of(10, range), Selected::Whole, "{range}");
    }
    assert_eq!(select(None, None, &HeaderMap::new(), 10), Selected::Whole);
}

#[test]
fn rfc9110_14_2_ranges_that_overlap_or_are_too_many_get_the_whole() {
    assert_eq!(of(10, "bytes=0-5, 5-9"), Selected::Whole);
    assert_eq!(of(10, "bytes=0-, 0-, 0-"), Selected::Whole);
    let many =
        format!("bytes={}", (0..=MOST_RANGES).map(|n| format!("{n}-{n}")).collect::<Vec<_>>().join(","));
    assert_eq!(of(100, &many), Selected::Whole);
}

#[test]
fn rfc9110_13_1_5_a_range_of_another_version_gets_the_whole() {
    let date = |seconds| httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(seconds));
    let stored = head(&[("etag", "\"a\""), ("last-modified", &date(100)), ("date", &date(101))]);
    let selected = |condition: &str, stored: &HeaderMap| {
        let range = HeaderValue::from_static("bytes=0-0");
        select(Some(&range), Some(&HeaderValue::from_str(condition).unwrap()), stored, 10)
            == Selected::One(0..1)
    };
    assert!(selected("\"a\"", &stored) && selected(&date(100), &stored));
    assert!(!selected("\"b\"", &stored) && !selected(&date(99), &stored) && !selected("W/\"a\"", &stored));
    assert!(!selected("W/\"a\"", &head(&[("etag", "W/\"a\"")])), "weak tags do not name bytes");
    let in_the_same_second = head(&[("last-modified", &date(100)), ("date", &date(100))]);
    assert!(!selected(&date(100), &in_the_same_second), "it may have changed again within the second");
}

#[test]
fn rfc9110_15_3_7_one_part_says_where_it_is() {
    let expected = head(&[("content-length", "3"), ("content-range", "bytes 2-4/10"), ("etag", "\"a\"")]);
    assert_eq!(one_head(&head(&[("content-length", "10"), ("etag", "\"a\"")]), &(2..5), 10), expected);
}

#[test]
fn rfc9110_14_6_several_parts_are_one_body_of_known_length() {
    let Selected::Several(slices) = of(10, "bytes=5-6,0-1") else { panic!("two parts") };
    let stored = head(&[("content-type", "text/plain"), ("content-length", "10")]);
    let body = Multipart::new(&stored, &slices, 10, 0xAB);
    let mut text = String::new();
    for part in &body.parts {
        text.push_str(std::str::from_utf8(&part.head).unwrap());
        text.push_str(
            &"0123456789"
                [usize::try_from(part.slice.start).unwrap()..usize::try_from(part.slice.end).unwrap()],
        );
    }
    text.push_str(std::str::from_utf8(&body.end).unwrap());
    let boundary = "000000000000000000000000000000ab";
    let part = |range, bytes| {
        format!(
            "\r\n--{boundary}\r\ncontent-type: text/plain\r\ncontent-range: bytes {range}/10\r\n\r\n{bytes}"
        )
    };
    assert_eq!(text, format!("{}{}\r\n--{boundary}--\r\n", part("5-6", "56"), part("0-1", "01")));
    assert_eq!(body.length, u64::try_from(text.len()).unwrap());
    let content_type = format!("multipart/byteranges; boundary={boundary}");
    let length = text.len().to_string();
    assert_eq!(body.head(&stored), head(&[("content-type", &content_type), ("content-length", &length)]));
}
