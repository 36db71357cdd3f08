//! RFC 9111, section by section: one answer, then the same question again. Is it answered from what is kept, does the
//! upstream have to confirm it, or is it asked anew?
//!
//! Answers are made old by the `Age` they bring, so that nothing has to wait. Dates are in the future, where a clock that
//! runs late puts them: only the distance between them counts.

use std::sync::Arc;

use anyhow::{Result, ensure};
use banyan_testkit::{Answer, Received, Reply};

use super::kit::{Counts, kept};

/// What becomes of the second request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    /// It is answered by the first answer.
    Reused,
    /// The upstream is asked whether the first answer still holds, by this field.
    Validated(&'static str),
    /// The upstream answers.
    Asked,
}
use Then::{Asked, Reused, Validated};

/// A section, what is shown, the fields of the first request, status and fields of its answer, the fields of the second
/// request, and what becomes of it. Fields stand between bars.
type Row = (&'static str, &'static str, &'static str, &'static str, &'static str, Then);

/// RFC 9111 sections 3 and 3.5: what may be stored.
const STORED: &[Row] = &[
    ("3", "what says how long it is fresh is kept", "", "200|Cache-Control: max-age=60", "", Reused),
    ("3", "what says nothing is not kept", "", "200", "", Asked),
    ("3", "what can be validated is kept for that", "", "200|ETag: \"1\"", "", Validated("if-none-match")),
    ("3", "a status that defines nothing else", "", "203|Cache-Control: max-age=60", "", Reused),
    ("3", "no content", "", "204|Cache-Control: max-age=60", "", Reused),
    ("3", "an unknown success", "", "299|Cache-Control: max-age=60", "", Reused),
    ("3", "moved", "", "301|Cache-Control: max-age=60|Location: /x", "", Reused),
    ("3", "found", "", "302|Cache-Control: max-age=60|Location: /x", "", Reused),
    ("3", "see other", "", "303|Cache-Control: max-age=60|Location: /x", "", Reused),
    ("3", "temporary redirect", "", "307|Cache-Control: max-age=60|Location: /x", "", Reused),
    ("3", "permanent redirect", "", "308|Cache-Control: max-age=60|Location: /x", "", Reused),
    ("3", "a bad request that says so", "", "400|Cache-Control: max-age=60", "", Reused),
    ("3", "not found that says so", "", "404|Cache-Control: max-age=60", "", Reused),
    ("3", "gone that says so", "", "410|Cache-Control: max-age=60", "", Reused),
    ("3", "an unknown refusal", "", "499|Cache-Control: max-age=60", "", Reused),
    ("3", "a failure that says so", "", "500|Cache-Control: max-age=60", "", Reused),
    ("3", "unavailable that says so", "", "503|Cache-Control: max-age=60", "", Reused),
    ("3", "an unknown failure", "", "599|Cache-Control: max-age=60", "", Reused),
    ("3", "redirects of unknown age", "", "302|Location: /x", "", Asked),
    (
        "3.3",
        "a part that nobody asked for",
        "",
        "206|Cache-Control: max-age=60|Content-Range: bytes 0-4/9",
        "",
        Asked,
    ),
    ("3.5", "who has a name", "Authorization: a", "200|Cache-Control: max-age=60", "", Asked),
    (
        "3.5",
        "the same name again",
        "Authorization: a",
        "200|Cache-Control: max-age=60",
        "Authorization: a",
        Asked,
    ),
    ("3.5", "nobody first, then a name", "", "200|Cache-Control: max-age=60", "Authorization: a", Asked),
    ("3.5", "public", "Authorization: a", "200|Cache-Control: max-age=60, public", "", Reused),
    (
        "3.5",
        "public, other names",
        "Authorization: a",
        "200|Cache-Control: max-age=60, public",
        "Authorization: b",
        Reused,
    ),
    (
        "3.5",
        "must-revalidate",
        "Authorization: a",
        "200|Cache-Control: max-age=60, must-revalidate",
        "",
        Reused,
    ),
    ("3.5", "s-maxage", "Authorization: a", "200|Cache-Control: s-maxage=60", "", Reused),
    (
        "3.5",
        "an expired one with s-maxage",
        "Authorization: a",
        "200|Cache-Control: s-maxage=60|Age: 61",
        "",
        Asked,
    ),
    ("7.3", "somebody's cookie", "", "200|Cache-Control: max-age=60|Set-Cookie: a=b", "", Asked),
    ("7.3", "somebody's old cookie", "", "200|Cache-Control: max-age=60|Set-Cookie2: a=b", "", Asked),
    (
        "7.3",
        "cookies of the request do not matter",
        "",
        "200|Cache-Control: max-age=60",
        "Cookie: a=b",
        Reused,
    ),
];

/// RFC 9111 section 4.1.
const VARIANTS: &[Row] = &[
    ("4.1", "the same value", "Foo: 1", "200|Cache-Control: max-age=60|Vary: Foo", "Foo: 1", Reused),
    ("4.1", "another value", "Foo: 1", "200|Cache-Control: max-age=60|Vary: Foo", "Foo: 2", Asked),
    ("4.1", "the name's case", "Foo: 1", "200|Cache-Control: max-age=60|Vary: fOO", "FOO: 2", Asked),
    ("4.1", "none, then one", "", "200|Cache-Control: max-age=60|Vary: Foo", "Foo: 1", Asked),
    ("4.1", "one, then none", "Foo: 1", "200|Cache-Control: max-age=60|Vary: Foo", "", Asked),
    ("4.1", "empty is not none", "Foo: ", "200|Cache-Control: max-age=60|Vary: Foo", "", Asked),
    ("4.1", "none, twice", "", "200|Cache-Control: max-age=60|Vary: Foo", "", Reused),
    (
        "4.1",
        "fields it does not name",
        "Foo: 1|Bar: 1",
        "200|Cache-Control: max-age=60|Vary: Foo",
        "Foo: 1|Bar: 2",
        Reused,
    ),
    (
        "4.1",
        "two that match",
        "Foo: 1|Bar: a",
        "200|Cache-Control: max-age=60|Vary: Foo, Bar",
        "Bar: a|Foo: 1",
        Reused,
    ),
    (
        "4.1",
        "one of two",
        "Foo: 1|Bar: a",
        "200|Cache-Control: max-age=60|Vary: Foo, Bar",
        "Foo: 1|Bar: b",
        Asked,
    ),
    (
        "4.1",
        "values in each other's place",
        "Foo: 1|Bar: 2",
        "200|Cache-Control: max-age=60|Vary: Foo, Bar",
        "Foo: 2|Bar: 1",
        Asked,
    ),
    (
        "4.1",
        "a list on two lines",
        "Foo: 1|Bar: a",
        "200|Cache-Control: max-age=60|Vary: Foo|Vary: Bar",
        "Foo: 1|Bar: b",
        Asked,
    ),
    (
        "4.1",
        "one of three is missing",
        "Foo: 1|Baz: 3",
        "200|Cache-Control: max-age=60|Vary: Foo, Bar, Baz",
        "Foo: 1|Baz: 3",
        Reused,
    ),
    (
        "4.1",
        "one line or two",
        "Foo: 1, 2",
        "200|Cache-Control: max-age=60|Vary: Foo",
        "Foo: 1|Foo: 2",
        Reused,
    ),
    (
        "4.1",
        "blanks around commas",
        "Foo: 1,2",
        "200|Cache-Control: max-age=60|Vary: Foo",
        "Foo:  1 ,  2 ",
        Reused,
    ),
    (
        "4.1",
        "the case of languages",
        "Accept-Language: en, de",
        "200|Cache-Control: max-age=60|Vary: Accept-Language",
        "Accept-Language: EN,De",
        Reused,
    ),
    (
        "4.1",
        "other languages",
        "Accept-Language: en, de",
        "200|Cache-Control: max-age=60|Vary: Accept-Language",
        "Accept-Language: en, fr",
        Asked,
    ),
    ("4.1", "a star", "", "200|Cache-Control: max-age=60|Vary: *", "", Asked),
    ("4.1", "two stars", "", "200|Cache-Control: max-age=60|Vary: *, *", "", Asked),
    ("4.1", "a star at the end", "Foo: 1", "200|Cache-Control: max-age=60|Vary: Foo, *", "Foo: 1", Asked),
    (
        "4.1",
        "a star at the beginning",
        "Foo: 1",
        "200|Cache-Control: max-age=60|Vary: *, Foo",
        "Foo: 1",
        Asked,
    ),
    ("4.1", "a star behind nothing", "", "200|Cache-Control: max-age=60|Vary: , *", "", Asked),
    ("4.1", "a star on a second line", "", "200|Cache-Control: max-age=60|Vary: |Vary: *", "", Asked),
    ("4.1", "what is no name", "", "200|Cache-Control: max-age=60|Vary: Foo Bar", "", Asked),
];

/// RFC 9111 sections 4.2 and 5.2.2, RFC 9213: how long an answer is fresh.
const FRESH: &[Row] = &[
    ("4.2.1", "s-maxage before max-age", "", "200|Cache-Control: max-age=1, s-maxage=60|Age: 9", "", Reused),
    ("4.2.1", "a short s-maxage too", "", "200|Cache-Control: max-age=60, s-maxage=1|Age: 9", "", Asked),
    ("4.2.1", "max-age before Expires", "", "200|Cache-Control: max-age=60|Expires: 0", "", Reused),
    (
        "4.2.1",
        "a short max-age too",
        "",
        "200|Cache-Control: max-age=0|Expires: Thu, 18 Aug 2050 02:00:00 GMT",
        "",
        Asked,
    ),
    ("4.2.1", "twice, the long one first", "", "200|Cache-Control: max-age=60, max-age=1|Age: 9", "", Reused),
    ("4.2.1", "twice, the short one first", "", "200|Cache-Control: max-age=1, max-age=60|Age: 9", "", Asked),
    (
        "4.2.1",
        "twice on two lines",
        "",
        "200|Cache-Control: max-age=1|Cache-Control: max-age=60|Age: 9",
        "",
        Asked,
    ),
    (
        "4.2.2",
        "a tenth of a day",
        "",
        "200|Last-Modified: Wed, 17 Aug 2050 02:00:00 GMT|Date: Thu, 18 Aug 2050 02:00:00 GMT",
        "",
        Reused,
    ),
    (
        "4.2.2",
        "a tenth of a day, over",
        "",
        "200|Last-Modified: Wed, 17 Aug 2050 02:00:00 GMT|Date: Thu, 18 Aug 2050 02:00:00 GMT|Age: 9000",
        "",
        Validated("if-modified-since"),
    ),
    (
        "4.2.2",
        "a status of which it may be guessed",
        "",
        "404|Last-Modified: Wed, 17 Aug 2050 02:00:00 GMT|Date: Thu, 18 Aug 2050 02:00:00 GMT",
        "",
        Reused,
    ),
    (
        "4.2.2",
        "a status of which it may not",
        "",
        "403|Last-Modified: Wed, 17 Aug 2050 02:00:00 GMT|Date: Thu, 18 Aug 2050 02:00:00 GMT",
        "",
        Asked,
    ),
    (
        "4.2.2",
        "unless it is public",
        "",
        "599|Cache-Control: public|Last-Modified: Wed, 17 Aug 2050 02:00:00 GMT|Date: Thu, 18 Aug 2050 02:00:00 GMT",
        "",
        Reused,
    ),
    ("5.1", "as old as it says", "", "200|Cache-Control: max-age=60|Age: 60", "", Asked),
    ("5.1", "not that old", "", "200|Cache-Control: max-age=60|Age: 50", "", Reused),
    (
        "5.1",
        "older than can be said",
        "",
        "200|Cache-Control: max-age=60|Age: 99999999999999999999",
        "",
        Asked,
    ),
    ("5.1", "the first counts", "", "200|Cache-Control: max-age=60|Age: 90, 0", "", Asked),
    ("5.1", "the first counts when it is young", "", "200|Cache-Control: max-age=60|Age: 0, 90", "", Reused),
    ("5.1", "the first line counts", "", "200|Cache-Control: max-age=60|Age: 90|Age: 0", "", Asked),
    ("5.1", "a negative one is none", "", "200|Cache-Control: max-age=60|Age: -90", "", Reused),
    ("5.1", "half a number is none", "", "200|Cache-Control: max-age=60|Age: 90.0", "", Reused),
    ("5.1", "a word is none", "", "200|Cache-Control: max-age=60|Age: old", "", Reused),
    ("5.2", "names in any case", "", "200|Cache-Control: MaX-aGe=60", "", Reused),
    ("5.2", "directives nobody knows", "", "200|Cache-Control: foo, bar=\"a, b\", max-age=60", "", Reused),
    ("5.2", "both forms of arguments", "", "200|Cache-Control: max-age=\"60\"", "", Reused),
    ("5.2", "within a string", "", "200|Cache-Control: a=\"max-age=60\"", "", Asked),
    (
        "5.2",
        "within a string, and for real",
        "",
        "200|Cache-Control: a=\"max-age=60\", max-age=1|Age: 9",
        "",
        Asked,
    ),
    ("5.2", "other quotes", "", "200|Cache-Control: max-age='60'", "", Asked),
    ("5.2", "leading zeros", "", "200|Cache-Control: max-age=0060", "", Reused),
    ("5.2", "blanks around the sign", "", "200|Cache-Control: max-age = 60", "", Asked),
    ("5.2", "no number", "", "200|Cache-Control: max-age=6O", "", Asked),
    ("5.2", "a negative number", "", "200|Cache-Control: max-age=-60", "", Asked),
    ("5.2", "nothing", "", "200|Cache-Control: max-age=", "", Asked),
    ("5.2", "a string without end", "", "200|Cache-Control: a=\"b, max-age=60", "", Asked),
    ("5.2.2.1", "more than 31 bits", "", "200|Cache-Control: max-age=2147483648", "", Reused),
    ("5.2.2.1", "more than 64 bits", "", "200|Cache-Control: max-age=99999999999999999999999", "", Reused),
    ("5.2.2.3", "understood", "", "200|Cache-Control: max-age=60, no-store, must-understand", "", Reused),
    ("5.2.2.3", "not understood", "", "599|Cache-Control: max-age=60, no-store, must-understand", "", Asked),
    ("5.2.2.4", "no-cache", "", "200|Cache-Control: max-age=60, no-cache", "", Asked),
    ("5.2.2.4", "no-cache in any case", "", "200|Cache-Control: max-age=60, No-CaChE", "", Asked),
    (
        "5.2.2.4",
        "no-cache can be validated",
        "",
        "200|Cache-Control: max-age=60, no-cache|ETag: \"1\"",
        "",
        Validated("if-none-match"),
    ),
    ("5.2.2.5", "no-store", "", "200|Cache-Control: no-store", "", Asked),
    (
        "5.2.2.5",
        "no-store beats all the rest",
        "",
        "200|Cache-Control: max-age=60, public, No-StOrE|ETag: \"1\"",
        "",
        Asked,
    ),
    (
        "5.2.2.5",
        "no-store on another line",
        "",
        "200|Cache-Control: max-age=60|Cache-Control: no-store",
        "",
        Asked,
    ),
    ("5.2.2.7", "private", "", "200|Cache-Control: max-age=60, private", "", Asked),
    ("5.2.2.7", "private and public", "", "200|Cache-Control: max-age=60, private, public", "", Asked),
    ("5.2.2.9", "public alone says no time", "", "200|Cache-Control: public", "", Asked),
    (
        "5.3",
        "a date to come",
        "",
        "200|Expires: Thu, 18 Aug 2050 02:01:00 GMT|Date: Thu, 18 Aug 2050 02:00:00 GMT",
        "",
        Reused,
    ),
    (
        "5.3",
        "a date to come, grown old",
        "",
        "200|Expires: Thu, 18 Aug 2050 02:01:00 GMT|Date: Thu, 18 Aug 2050 02:00:00 GMT|Age: 60",
        "",
        Asked,
    ),
    (
        "5.3",
        "now",
        "",
        "200|Expires: Thu, 18 Aug 2050 02:00:00 GMT|Date: Thu, 18 Aug 2050 02:00:00 GMT",
        "",
        Asked,
    ),
    ("5.3", "long ago", "", "200|Expires: Thu, 18 Aug 1990 02:00:00 GMT", "", Asked),
    ("5.3", "beyond 32 bits", "", "200|Expires: Sun, 21 Nov 2286 04:46:39 GMT", "", Reused),
    ("5.3", "the format of RFC 850", "", "200|Expires: Thursday, 18-Aug-50 02:01:18 GMT", "", Reused),
    ("5.3", "the format of asctime", "", "200|Expires: Thu Aug 18 02:01:18 2050", "", Reused),
    ("5.3", "a wrong day of the week", "", "200|Expires: Mon, 18 Aug 2050 02:01:18 GMT", "", Reused),
    ("5.3", "any case", "", "200|Expires: THU, 18 AUG 2050 02:01:18 gMT", "", Reused),
    ("5.3", "zero", "", "200|Expires: 0", "", Asked),
    ("5.3", "another zone", "", "200|Expires: Thu, 18 Aug 2050 02:01:18 AEST", "", Asked),
    ("5.3", "two digits", "", "200|Expires: Thu, 18 Aug 50 02:01:18 GMT", "", Asked),
    ("5.3", "no comma", "", "200|Expires: Thu 18 Aug 2050 02:01:18 GMT", "", Asked),
    ("5.3", "two blanks", "", "200|Expires: Thu, 18  Aug  2050 02:01:18 GMT", "", Asked),
    ("5.3", "dots", "", "200|Expires: Thu, 18 Aug 2050 02.01.18 GMT", "", Asked),
    ("5.3", "an hour of one digit", "", "200|Expires: Thu, 18 Aug 2050 2:01:18 GMT", "", Asked),
    (
        "5.4",
        "the field of HTTP/1.0 is a request's",
        "",
        "200|Cache-Control: max-age=60|Pragma: no-cache",
        "",
        Reused,
    ),
    ("5.4", "what it says besides", "", "200|Pragma: max-age=60", "", Asked),
    (
        "RFC 8246",
        "immutable is not for ever",
        "",
        "200|Cache-Control: max-age=60, immutable|Age: 60|ETag: \"1\"",
        "",
        Validated("if-none-match"),
    ),
    ("RFC 9213", "alone", "", "200|CDN-Cache-Control: max-age=60", "", Reused),
    (
        "RFC 9213",
        "longer than for others",
        "",
        "200|CDN-Cache-Control: max-age=60|Cache-Control: max-age=1|Age: 9",
        "",
        Reused,
    ),
    (
        "RFC 9213",
        "shorter than for others",
        "",
        "200|CDN-Cache-Control: max-age=1|Cache-Control: max-age=60|Age: 9",
        "",
        Asked,
    ),
    (
        "RFC 9213",
        "before no-store",
        "",
        "200|CDN-Cache-Control: max-age=60|Cache-Control: no-store",
        "",
        Reused,
    ),
    (
        "RFC 9213",
        "no-store of its own",
        "",
        "200|CDN-Cache-Control: no-store|Cache-Control: max-age=60",
        "",
        Asked,
    ),
    (
        "RFC 9213",
        "private of its own",
        "",
        "200|CDN-Cache-Control: private|Cache-Control: max-age=60",
        "",
        Asked,
    ),
    (
        "RFC 9213",
        "no-cache of its own",
        "",
        "200|CDN-Cache-Control: no-cache|Cache-Control: max-age=60",
        "",
        Asked,
    ),
    (
        "RFC 9213",
        "zero, whatever Expires says",
        "",
        "200|CDN-Cache-Control: max-age=0|Expires: Thu, 18 Aug 2050 02:01:18 GMT",
        "",
        Asked,
    ),
    (
        "RFC 9213",
        "no dictionary, so ignored",
        "",
        "200|CDN-Cache-Control: max-age=60, &&&|Cache-Control: no-store",
        "",
        Asked,
    ),
    (
        "RFC 9213",
        "no integer, so ignored",
        "",
        "200|CDN-Cache-Control: max-age=\"60\"|Cache-Control: no-store",
        "",
        Asked,
    ),
];

/// RFC 9111 sections 5.2.1 and 5.4: what a request says.
const REQUESTS: &[Row] = &[
    ("5.2.1.1", "max-age=0", "", "200|Cache-Control: max-age=60", "Cache-Control: max-age=0", Asked),
    (
        "5.2.1.1",
        "max-age=0 of what can be validated",
        "",
        "200|Cache-Control: max-age=60|ETag: \"1\"",
        "Cache-Control: max-age=0",
        Validated("if-none-match"),
    ),
    (
        "5.2.1.1",
        "younger than that",
        "",
        "200|Cache-Control: max-age=3600|Age: 1800",
        "Cache-Control: max-age=2000",
        Reused,
    ),
    (
        "5.2.1.1",
        "older than that",
        "",
        "200|Cache-Control: max-age=3600|Age: 1800",
        "Cache-Control: max-age=600",
        Asked,
    ),
    (
        "5.2.1.2",
        "max-stale",
        "",
        "200|Cache-Control: max-age=60|ETag: \"1\"|Age: 90",
        "Cache-Control: max-stale=100",
        Reused,
    ),
    (
        "5.2.1.2",
        "any max-stale",
        "",
        "200|Cache-Control: max-age=60|ETag: \"1\"|Age: 90",
        "Cache-Control: max-stale",
        Reused,
    ),
    (
        "5.2.1.2",
        "too short a max-stale",
        "",
        "200|Cache-Control: max-age=60|ETag: \"1\"|Age: 90",
        "Cache-Control: max-stale=9",
        Validated("if-none-match"),
    ),
    (
        "5.2.1.2",
        "not if the answer forbids it",
        "",
        "200|Cache-Control: max-age=60, must-revalidate|ETag: \"1\"|Age: 90",
        "Cache-Control: max-stale",
        Validated("if-none-match"),
    ),
    (
        "5.2.1.3",
        "min-fresh that is there",
        "",
        "200|Cache-Control: max-age=60",
        "Cache-Control: min-fresh=30",
        Reused,
    ),
    (
        "5.2.1.3",
        "min-fresh that is not",
        "",
        "200|Cache-Control: max-age=60|Age: 40",
        "Cache-Control: min-fresh=30",
        Asked,
    ),
    ("5.2.1.4", "no-cache", "", "200|Cache-Control: max-age=60", "Cache-Control: no-cache", Asked),
    (
        "5.2.1.4",
        "no-cache of what has a date",
        "",
        "200|Cache-Control: max-age=60|Last-Modified: Wed, 17 Aug 2050 02:00:00 GMT",
        "Cache-Control: no-cache",
        Validated("if-modified-since"),
    ),
    ("5.2.1.5", "no-store", "", "200|Cache-Control: max-age=60", "Cache-Control: no-store", Asked),
    (
        "5.2.1.5",
        "no-store of the first",
        "Cache-Control: no-store",
        "200|Cache-Control: max-age=60",
        "",
        Asked,
    ),
    (
        "5.2.1.7",
        "only-if-cached, and it is",
        "",
        "200|Cache-Control: max-age=60",
        "Cache-Control: only-if-cached",
        Reused,
    ),
    (
        "5.2.1",
        "what nobody knows",
        "",
        "200|Cache-Control: max-age=60",
        "Cache-Control: nothing-to-see-here",
        Reused,
    ),
    ("5.4", "Pragma", "", "200|Cache-Control: max-age=60", "Pragma: no-cache", Asked),
    (
        "5.4",
        "Pragma beside Cache-Control",
        "",
        "200|Cache-Control: max-age=60",
        "Pragma: no-cache|Cache-Control: foo",
        Reused,
    ),
    ("5.4", "another Pragma", "", "200|Cache-Control: max-age=60", "Pragma: foo", Reused),
];

fn lines(fields: &str) -> String {
    fields.split('|').filter(|field| !field.is_empty()).map(|field| format!("{field}\r\n")).collect()
}

/// The first answer of a row, then what an upstream says to who asks whether it holds, then another one.
fn script(rows: &'static [Row]) -> impl Fn(&Received) -> Answer + Send + Sync + 'static {
    let counts = Arc::new(Counts::default());
    move |request| {
        let row = &rows[request.target.trim_start_matches('/').parse::<usize>().unwrap_or_default()];
        if counts.next(request) > 0 {
            let asks = request.fields.get("if-none-match").or(request.fields.get("if-modified-since"));
            return match asks {
                Some(_) => Reply::new(304).bare("").into(),
                None => Reply::new(200).field("Cache-Control", "no-store").body("second").into(),
            };
        }
        let mut parts = row.3.split('|');
        let status = parts.next().and_then(|status| status.parse().ok()).unwrap_or_default();
        let first = parts.fold(Reply::new(status), |reply, field| {
            let (name, value) = field.split_once(": ").unwrap_or((field.trim_end_matches(':'), ""));
            reply.field(name, value)
        });
        if status == 204 { first.bare("").into() } else { first.body("first").into() }
    }
}

async fn check(rows: &'static [Row]) -> Result<()> {
    let (upstream, banyan) = kept(script(rows)).await?;
    let mut client = banyan.client().await?;
    let mut wrong = Vec::new();
    for (index, row) in rows.iter().enumerate() {
        let (section, what, asked, _, again, expected) = *row;
        let target = format!("/{index}");
        let first = client.get(&target, &lines(asked)).await?;
        let second = client.get(&target, &lines(again)).await?;
        let came: Vec<Received> =
            upstream.requests().into_iter().filter(|request| request.target == target).collect();
        let then = match came.as_slice() {
            [_] if second.body == first.body && second.status == first.status => Reused,
            [_, request] if request.fields.get("if-none-match").is_some() => Validated("if-none-match"),
            [_, request] if request.fields.get("if-modified-since").is_some() => {
                Validated("if-modified-since")
            }
            [_, _] if second.text() == "second" => Asked,
            _ => {
                wrong.push(format!("{section} {what}: {} requests, {}", came.len(), second.text()));
                continue;
            }
        };
        let is_as_kept = !matches!(then, Validated(_)) || second.text() == "first";
        if then != expected || !is_as_kept {
            wrong.push(format!("{section} {what}: {then:?} and not {expected:?}, {}", second.text()));
        }
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

#[tokio::test]
async fn s3_what_may_be_stored_is_and_nothing_else() -> Result<()> {
    check(STORED).await
}

#[tokio::test]
async fn s4_1_an_answer_is_for_those_who_ask_as_its_first_one_did() -> Result<()> {
    check(VARIANTS).await
}

#[tokio::test]
async fn s4_2_an_answer_is_given_for_as_long_as_it_is_fresh() -> Result<()> {
    check(FRESH).await
}

#[tokio::test]
async fn s5_2_1_a_request_may_want_it_fresher_or_take_it_older() -> Result<()> {
    check(REQUESTS).await
}

#[tokio::test]
async fn s5_2_1_7_who_wants_only_what_is_kept_is_told_when_there_is_none() -> Result<()> {
    let (upstream, banyan) = kept(|_| Reply::new(200).into()).await?;
    let response = banyan.client().await?.get("/", "Cache-Control: only-if-cached\r\n").await?;
    assert_eq!((response.status, upstream.requests().len()), (504, 0));
    Ok(())
}
