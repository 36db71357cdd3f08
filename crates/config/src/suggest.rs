//! 'Did you mean': the nearest known word.

/// Longer words are no slips of the finger, and comparing them would cost time.
const MAX_LENGTH: usize = 64;

/// The candidate nearest to what was written, if one is near enough to be meant.
///
/// Damerau-Levenshtein distance, at most a third of the word's length (at least 1), case ignored.
#[must_use]
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if word.is_empty() || word.len() > MAX_LENGTH {
        return None;
    }
    let (written, word) = (word, word.to_lowercase());
    let limit = (word.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&word, &candidate.to_lowercase()), candidate))
        .filter(|(distance, candidate)| *distance <= limit && *distance < candidate.chars().count())
        // Of two that are equally near, the one written alike.
        .min_by_key(|(distance, candidate)| (*distance, strsim::damerau_levenshtein(written, candidate)))
        .map(|(_, candidate)| candidate)
}

/// `did you mean 'x'?`, or else the alternatives when they fit on a line.
pub(crate) fn hint<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str> + Clone) -> Option<String> {
    if let Some(meant) = nearest(word, candidates.clone()) {
        return Some(format!("did you mean '{meant}'?"));
    }
    let all = candidates.into_iter().take(MAX_LISTED + 1).collect::<Vec<_>>();
    match all.len() {
        0 => None,
        1..=MAX_LISTED => Some(format!("known here: {}", all.join(", "))),
        _ => Some(format!("known here: {}, ...", all[..MAX_LISTED].join(", "))),
    }
}

/// More alternatives than this help nobody.
const MAX_LISTED: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_slips_and_leaves_the_rest() {
        let known = ["percent", "legacy", "to"];
        assert_eq!(nearest("percnt", known), Some("percent"));
        assert_eq!(nearest("Legacy", known), Some("legacy"));
        assert_eq!(nearest("legcy", ["Legacy", "legacy"]), Some("legacy"));
        assert_eq!(nearest("banana", known), None);
        assert_eq!(nearest("x", known), None);
        assert_eq!(nearest("", known), None);
    }
}
