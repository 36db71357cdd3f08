//! Whether nodes run the same. Pure.

use banyan_state::NodeRecord;

/// Characters of a fingerprint that people see: enough to tell two apart.
const SHOWN: usize = 12;

/// What other nodes run that this one does not, one line for each that differs.
pub(crate) fn differences<'n>(
    alive: impl Iterator<Item = &'n NodeRecord>,
    me: &str,
    fingerprint: &str,
    program: &str,
) -> Vec<String> {
    let others = alive.map(|node| &node.beat).filter(|beat| beat.node != me);
    let difference = |beat: &banyan_state::Beat| {
        let mut parts = Vec::new();
        if beat.config_hash != fingerprint {
            let (theirs, ours) = (short(&beat.config_hash), short(fingerprint));
            parts.push(format!("another config ({theirs} instead of {ours})"));
        }
        if beat.program != program {
            parts.push(format!("version {} instead of {program}", beat.program));
        }
        (!parts.is_empty()).then(|| format!("{} runs {}", beat.node, parts.join(" and ")))
    };
    others.filter_map(difference).collect()
}

/// The beginning of a fingerprint.
pub(crate) fn short(fingerprint: &str) -> &str {
    fingerprint.get(..SHOWN).unwrap_or(fingerprint)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use banyan_state::Beat;

    use super::*;

    fn node(name: &str, config_hash: &str, program: &str) -> NodeRecord {
        let beat = Beat {
            node: name.to_owned(),
            address: String::new(),
            started_at: SystemTime::UNIX_EPOCH,
            config_hash: config_hash.to_owned(),
            program: program.to_owned(),
            generation: 1,
            cut_off_since: None,
        };
        NodeRecord { beat, last_seen: Duration::ZERO, leads: false }
    }

    #[test]
    fn nodes_that_run_the_same_agree() {
        let nodes = [node("a", "x", "1"), node("b", "x", "1")];
        assert!(differences(nodes.iter(), "a", "x", "1").is_empty());
    }

    #[test]
    fn every_node_that_differs_is_named_with_what_differs() {
        let nodes = [
            node("a", "x", "1"),
            node("b", "0123456789abcdef", "1"),
            node("c", "x", "2"),
            node("d", "y", "2"),
        ];
        assert_eq!(
            differences(nodes.iter(), "a", "x", "1"),
            [
                "b runs another config (0123456789ab instead of x)",
                "c runs version 2 instead of 1",
                "d runs another config (y instead of x) and version 2 instead of 1",
            ]
        );
    }
}
