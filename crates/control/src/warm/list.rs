//! What is worth asking for.

use std::collections::HashSet;

use banyan_state::HotUrl;

/// The `most` URLs that are worth asking for: those `seen` by this process first, then those that were known `before` it.
///
/// A process that has just begun has seen little, and what it has seen must not push out what a long day has taught the one
/// before it: a second restart within the hour would find next to nothing.
pub(crate) fn merged(seen: &[HotUrl], before: &[HotUrl], most: usize) -> Vec<HotUrl> {
    let known: HashSet<_> = seen.iter().map(|hot| &hot.url).collect();
    let rest = before.iter().filter(|hot| !known.contains(&hot.url));
    seen.iter().chain(rest).take(most).cloned().collect()
}

#[cfg(test)]
mod tests {
    use banyan_state::CacheUrl;

    use super::*;

    fn hot(targets: &str, count: u64) -> Vec<HotUrl> {
        let url = |target: char| CacheUrl { host: "a".to_owned(), target: target.to_string(), secure: false };
        targets.chars().map(|target| HotUrl { url: url(target), count }).collect()
    }

    #[test]
    fn what_this_process_has_seen_comes_first_and_nothing_twice() {
        for (seen, before, most, expected) in [
            ("", "", 3, ""),
            ("ab", "", 3, "ab"),
            ("", "xy", 3, "xy"),
            ("ab", "bxay", 9, "abxy"),
            ("ab", "xyz", 3, "abx"),
            ("abcd", "xyz", 3, "abc"),
        ] {
            let merged = merged(&hot(seen, 1), &hot(before, 9), most);
            let found: String = merged.iter().map(|hot| hot.url.target.as_str()).collect();
            assert_eq!(found, expected, "{seen} {before}");
        }
        assert_eq!(merged(&hot("a", 1), &hot("a", 9), 3), hot("a", 1), "counted by this process");
    }
}
