//! What the dependencies know.

use serde::{Deserialize, Serialize};

/// Users have the ids from 1 to this.
pub(crate) const USERS: u32 = 40;

const NAMES: [&str; 8] = ["Ada", "Blaise", "Chien", "Dorothy", "Edsger", "Frances", "Grace", "Hedy"];

/// Who somebody is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct User {
    pub(crate) id: u32,
    pub(crate) name: String,
}

/// A list that belongs to a user, as the two optional dependencies answer it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Listing {
    pub(crate) user: u32,
    pub(crate) items: Vec<String>,
}

/// The user of this id, if there is one.
pub(crate) fn user(id: u32) -> Option<User> {
    let name = NAMES.iter().cycle().nth(id as usize)?;
    (1..=USERS).contains(&id).then(|| User { id, name: format!("{name} {id}") })
}

/// What a user might like.
pub(crate) fn recommendations(user: u32) -> Vec<String> {
    (1..=3).map(|number| format!("book {number} for user {user}")).collect()
}

/// What a user wrote.
pub(crate) fn reviews(user: u32) -> Vec<String> {
    (1..=2).map(|number| format!("review {number} by user {user}")).collect()
}
