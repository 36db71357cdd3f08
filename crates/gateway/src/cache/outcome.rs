//! What the cache did with a request.

/// What the cache did with a request; label of metrics and access lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Outcome {
    /// Answered from memory.
    Hit,
    /// Answered from memory although stale: the client allows it, or it is being fetched anew.
    Stale,
    /// The upstream failed, and an older answer was given.
    StaleIfError,
    /// The upstream said that what was kept still holds.
    Validated,
    /// Found at the level that nodes share.
    SecondLevel,
    /// Fetched.
    Miss,
    /// Given what another request had asked for.
    Coalesced,
    /// Not to be answered from the cache.
    Bypass,
    /// Not kept, and the client wanted nothing else.
    OnlyIfCached,
}

impl Outcome {
    /// All of them, in order.
    pub(crate) const ALL: [Self; 9] = [
        Self::Hit,
        Self::Stale,
        Self::StaleIfError,
        Self::Validated,
        Self::SecondLevel,
        Self::Miss,
        Self::Coalesced,
        Self::Bypass,
        Self::OnlyIfCached,
    ];

    /// As a label.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Hit => "hit",
            Self::Stale => "stale",
            Self::StaleIfError => "stale_if_error",
            Self::Validated => "validated",
            Self::SecondLevel => "second_level",
            Self::Miss => "miss",
            Self::Coalesced => "coalesced",
            Self::Bypass => "bypass",
            Self::OnlyIfCached => "only_if_cached",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_numbered_in_order() {
        for (index, outcome) in Outcome::ALL.into_iter().enumerate() {
            assert_eq!(outcome as usize, index, "{outcome:?}");
        }
    }
}
