//! What an answer of the service is worth. The judge knows what is true and trusts nothing that the answer says.

use axum::http::StatusCode;

use super::{
    data,
    profile::{Profile, RECOMMENDATIONS, REVIEWS, USER},
};

/// How a request ended for its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The right user, with everything.
    Complete,
    /// The right user, and what is missing or from before is named.
    Marked,
    /// No profile, and the answer says so, if there is one.
    Failed,
    /// Something that is not true: somebody else, or a part that is missing without a word.
    Wrong,
}

/// Judges the answer about a user.
pub(crate) fn judge(id: u32, status: StatusCode, body: &[u8]) -> Ending {
    if status != StatusCode::OK {
        return Ending::Failed;
    }
    let Ok(profile) = serde_json::from_slice::<Profile>(body) else { return Ending::Wrong };
    let is_right_user = data::user(id).as_ref() == Some(&profile.user);
    let parts = [
        (RECOMMENDATIONS, &profile.recommendations, data::recommendations(id)),
        (REVIEWS, &profile.reviews, data::reviews(id)),
    ];
    let is_missing = |name: &str| profile.missing.iter().any(|missing| missing == name);
    let are_parts_true = parts
        .into_iter()
        .all(|(name, given, truth)| if is_missing(name) { given.is_empty() } else { *given == truth });
    let lacks = !profile.missing.is_empty() || profile.stale.iter().any(|part| part == USER);
    match (is_right_user && are_parts_true && profile.complete != lacks, lacks) {
        (false, _) => Ending::Wrong,
        (true, true) => Ending::Marked,
        (true, false) => Ending::Complete,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole() -> Profile {
        Profile {
            user: data::user(7).unwrap(),
            recommendations: data::recommendations(7),
            reviews: data::reviews(7),
            missing: Vec::new(),
            stale: Vec::new(),
            complete: true,
        }
    }

    fn judged(profile: &Profile) -> Ending {
        judge(7, StatusCode::OK, &serde_json::to_vec(profile).unwrap())
    }

    #[test]
    fn the_right_user_with_everything_is_complete() {
        assert_eq!(judged(&whole()), Ending::Complete);
    }

    #[test]
    fn what_is_missing_must_be_named_and_the_answer_must_say_that_it_is_not_complete() {
        let lacking = Profile { reviews: Vec::new(), ..whole() };
        assert_eq!(judged(&lacking), Ending::Wrong, "not named");
        let named = Profile { missing: vec![REVIEWS.to_owned()], ..lacking };
        assert_eq!(judged(&named), Ending::Wrong, "it says that it is complete");
        assert_eq!(judged(&Profile { complete: false, ..named.clone() }), Ending::Marked);
        let not_missing = Profile { reviews: data::reviews(7), complete: false, ..named };
        assert_eq!(judged(&not_missing), Ending::Wrong, "named, and there");
    }

    #[test]
    fn a_user_from_before_is_marked() {
        let stale = Profile { stale: vec![USER.to_owned()], ..whole() };
        assert_eq!(judged(&stale), Ending::Wrong);
        assert_eq!(judged(&Profile { complete: false, ..stale }), Ending::Marked);
    }

    #[test]
    fn somebody_else_is_wrong_and_so_are_their_lists() {
        assert_eq!(judged(&Profile { user: data::user(8).unwrap(), ..whole() }), Ending::Wrong);
        assert_eq!(judged(&Profile { reviews: data::reviews(8), ..whole() }), Ending::Wrong);
    }

    #[test]
    fn half_a_profile_is_wrong_and_an_error_is_a_failure() {
        let bytes = serde_json::to_vec(&whole()).unwrap();
        assert_eq!(judge(7, StatusCode::OK, &bytes[..bytes.len() / 2]), Ending::Wrong);
        assert_eq!(judge(7, StatusCode::SERVICE_UNAVAILABLE, &bytes), Ending::Failed);
    }
}
