use banyan_http1::{HeadLimits, HeadScanner, HostMemory, parse_request};
use http::header;
use proptest::prelude::*;

use super::*;

const LIMITS: HeadLimits = HeadLimits { bytes: 64 * 1024, target: 100, headers: 100 };

fn came(fields: &[(String, String)]) -> Head {
    let mut text = "GET / HTTP/1.1\r\nHost: a\r\n".to_owned();
    fields.iter().for_each(|(name, value)| text.push_str(&format!("{name}: {value}\r\n")));
    text.push_str("\r\n");
    let parsed = parse_request(
        &mut BytesMut::from(&*text),
        &mut HeadScanner::default(),
        &LIMITS,
        &mut HostMemory::default(),
    );
    parsed.unwrap().unwrap().fields.into()
}

/// What is done to a head.
#[derive(Clone, Debug)]
enum Step {
    Append(&'static str, String),
    Set(&'static str, String),
    Remove(&'static str),
    Strip,
    Look,
    Change,
}

const NAMES: [&str; 6] = ["x-a", "via", "cookie", "connection", "date", "x-b"];

fn name() -> impl Strategy<Value = &'static str> {
    prop::sample::select(NAMES.to_vec())
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        (name(), "[a-z]{0,3}").prop_map(|(name, value)| Step::Append(name, value)),
        (name(), "[a-z]{0,3}").prop_map(|(name, value)| Step::Set(name, value)),
        name().prop_map(Step::Remove),
        Just(Step::Strip),
        Just(Step::Look),
        Just(Step::Change),
    ];
    prop::collection::vec(step, 0..8)
}

fn run(head: &mut Head, step: &Step) {
    match step {
        Step::Append(name, value) => head.append(name.parse().unwrap(), value.parse().unwrap()),
        Step::Set(name, value) => head.set(name.parse().unwrap(), value.parse().unwrap()),
        Step::Remove(name) => head.remove(&name.parse().unwrap()),
        Step::Strip => head.retain(|known, name| known != Known::Via && !name.eq_ignore_ascii_case(b"x-b")),
        Step::Look => drop(head.map().clone()),
        Step::Change => drop(head.map_mut().append(header::AGE, 1.into())),
    }
}

/// Each name with its values, in the order in which they are written.
fn written(head: &Head) -> Vec<(String, String)> {
    let mut out = BytesMut::new();
    head.encode_all(&mut out);
    let mut same = BytesMut::new();
    head.encode(&mut same, |_, _| true);
    assert_eq!(out, same);
    let text = String::from_utf8(out.to_vec()).unwrap();
    let mut lines: Vec<_> = text
        .lines()
        .map(|line| line.split_once(": ").unwrap())
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    // Only the order of the same name's values means anything, and a map keeps no other.
    lines.sort_by(|one, other| one.0.cmp(&other.0));
    lines
}

proptest! {
    /// Whatever is done, a head that came from a connection and one that is a map are the same.
    #[test]
    fn a_head_is_the_same_whatever_it_lies_in(
        fields in prop::collection::vec(("[Xx]-[Aa]|[Vv]ia|[Cc]ookie|CONNECTION|connection|[Dd]ate|x-b|X-B|x-c", "[a-z]{0,3}"), 0..8),
        steps in steps(),
    ) {
        let mut lines = came(&fields);
        let mut map = Head::from(lines.map().clone());
        prop_assert_eq!(written(&lines), written(&map));
        for step in &steps {
            run(&mut lines, step);
            run(&mut map, step);
            prop_assert_eq!(written(&lines), written(&map), "after {:?}", step);
            prop_assert_eq!(lines.map(), map.map());
            for name in NAMES {
                let name = name.parse().unwrap();
                prop_assert!(lines.all(&name).eq(map.all(&name)));
                prop_assert_eq!(lines.contains(&name), map.map().contains_key(&name));
            }
            let has_via = |head: &Head| head.any(|known| known == Known::Via);
            prop_assert_eq!(has_via(&lines), has_via(&map));
            prop_assert_eq!(lines.is_empty(), map.is_empty());
        }
        prop_assert_eq!(lines.into_map(), map.into_map());
    }
}
