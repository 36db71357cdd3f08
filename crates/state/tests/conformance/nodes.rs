//! Nodes and what they have seen.

use std::time::Duration;

use banyan_state::{Beat, MAX_EVIDENCE_BYTES, Store, StoreError};

use crate::stores::{moment, on_each};

fn beat(node: &str) -> Beat {
    Beat {
        node: node.to_owned(),
        address: "127.0.0.1:9900".to_owned(),
        started_at: moment(1),
        config_hash: "c0ffee".to_owned(),
        program: "0.1.0".to_owned(),
        generation: 3,
        cut_off_since: Some(moment(2)),
    }
}

fn names(store: &dyn Store) -> Vec<String> {
    store.nodes().unwrap().into_iter().map(|node| node.beat.node).collect()
}

#[test]
fn a_node_is_known_by_its_last_beat() {
    on_each(|store| {
        store.beat(&beat("b")).unwrap();
        store.beat(&beat("a")).unwrap();
        let again = Beat { generation: 4, cut_off_since: None, ..beat("b") };
        store.beat(&again).unwrap();
        let nodes = store.nodes().unwrap();
        let beats: Vec<_> = nodes.iter().map(|node| node.beat.clone()).collect();
        assert_eq!(beats, [beat("a"), again]);
        assert!(nodes.iter().all(|node| node.last_seen < Duration::from_secs(60)), "{nodes:?}");
        assert!(nodes[0].last_seen >= nodes[1].last_seen, "{nodes:?}");
    });
}

#[test]
fn the_node_that_began_the_newest_term_is_known_as_the_one_who_leads() {
    on_each(|store| {
        store.beat(&beat("a")).unwrap();
        store.beat(&beat("b")).unwrap();
        let leaders = || -> Vec<_> {
            let nodes = store.nodes().unwrap();
            nodes.into_iter().filter(|node| node.leads).map(|node| node.beat.node).collect()
        };
        assert!(leaders().is_empty());
        store.lead("a").unwrap();
        assert_eq!(leaders(), ["a"]);
        store.lead("b").unwrap();
        assert_eq!(leaders(), ["b"]);
    });
}

#[test]
fn a_node_that_was_forgotten_comes_back_with_its_next_beat() {
    on_each(|store| {
        store.beat(&beat("a")).unwrap();
        store.beat(&beat("b")).unwrap();
        store.forget_node("a").unwrap();
        store.forget_node("nobody").unwrap();
        assert_eq!(names(store), ["b"]);
        store.beat(&beat("a")).unwrap();
        assert_eq!(names(store), ["a", "b"]);
    });
}

#[test]
fn evidence_is_kept_per_node_and_replaced() {
    on_each(|store| {
        assert_eq!(store.evidence("articles", 1).unwrap(), []);
        store.put_evidence("b", "articles", 1, b"\0\xff").unwrap();
        store.put_evidence("a", "articles", 1, b"first").unwrap();
        store.put_evidence("a", "articles", 1, b"second").unwrap();
        store.put_evidence("a", "users", 7, b"other").unwrap();
        let kept = [("a".to_owned(), b"second".to_vec()), ("b".to_owned(), b"\0\xff".to_vec())];
        assert_eq!(store.evidence("articles", 1).unwrap(), kept);
        assert_eq!(store.evidence("articles", 0).unwrap(), []);
        assert_eq!(store.evidence("users", 7).unwrap().len(), 1);
    });
}

#[test]
fn evidence_of_an_older_epoch_is_gone_and_does_not_come_back() {
    on_each(|store| {
        store.put_evidence("a", "articles", 1, b"old").unwrap();
        store.put_evidence("b", "articles", 1, b"old").unwrap();
        store.put_evidence("a", "articles", 2, b"new").unwrap();
        // A node that has not heard of the new epoch yet.
        store.put_evidence("b", "articles", 1, b"late").unwrap();
        assert_eq!(store.evidence("articles", 1).unwrap(), []);
        assert_eq!(store.evidence("articles", 2).unwrap(), [("a".to_owned(), b"new".to_vec())]);
    });
}

#[test]
fn evidence_is_bounded() {
    on_each(|store| {
        store.put_evidence("a", "articles", 1, &vec![7; MAX_EVIDENCE_BYTES]).unwrap();
        let refused = store.put_evidence("a", "articles", 1, &vec![8; MAX_EVIDENCE_BYTES + 1]);
        assert!(matches!(refused, Err(StoreError::TooLarge { .. })));
        assert_eq!(store.evidence("articles", 1).unwrap()[0].1[0], 7);
    });
}
