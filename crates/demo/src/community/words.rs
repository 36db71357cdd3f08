//! Names and texts that read like a community's.

use crate::seed::Seed;

const GIVEN: &[&str] = &[
    "Ada", "Amir", "Bea", "Carlos", "Chen", "Dora", "Emeka", "Fatima", "Grace", "Hana", "Ivo", "Jonas",
    "Kofi", "Lena", "Mila", "Noor", "Olga", "Priya", "Ravi", "Søren", "Tomás", "Uma", "Vera", "Yuki",
];
const FAMILY: &[&str] = &[
    "Adeyemi", "Berg", "Costa", "Dubois", "Eriksen", "Fischer", "García", "Haddad", "Ito", "Jansen", "Kaya",
    "Lind", "Moreau", "Novak", "Okafor", "Patel", "Quist", "Rossi", "Silva", "Tanaka", "Urban", "Weber",
    "Zhang",
];
const OPENINGS: &[&str] = &["How we", "Why we", "When we", "What we learned as we", "The day we"];
const DEEDS: &[&str] =
    &["moved", "repaired", "lost", "found", "replaced", "measured", "simplified", "outgrew"];
const THINGS: &[&str] = &[
    "the search",
    "our oldest service",
    "the mail queue",
    "a cache nobody knew of",
    "the nightly import",
    "our login",
    "the photo archive",
    "half of the database",
    "the comment section",
];
const SENTENCES: &[&str] = &[
    "It had grown for eleven years and nobody dared to touch it.",
    "The first attempt failed on a Tuesday, in public.",
    "We moved one part at a time and looked at the numbers in between.",
    "Nobody noticed, which was the whole point.",
    "What looked like a detail turned out to be the hard part.",
    "We kept the old system running until the new one had earned our trust.",
    "In the end the simplest plan was the one that worked.",
    "The difference was in the third decimal.",
];
const REMARKS: &[&str] = &[
    "This is exactly what happened to us.",
    "Thank you, that saved my weekend.",
    "Which version was that?",
    "I would have kept the old one.",
    "Could you say more about the second step?",
    "We did the same and it took twice as long.",
];
/// Sentences of an article.
const LENGTH: u64 = 6;

/// The name of a user.
pub(super) fn name(seed: Seed, user: u32) -> String {
    let number = user.into();
    format!("{} {}", seed.pick(GIVEN, "name.given", number), seed.pick(FAMILY, "name.family", number))
}

/// The title of an article.
pub(super) fn title(seed: Seed, article: u32) -> String {
    let part = |choices: &[&'static str], purpose| seed.pick(choices, purpose, article.into());
    let (opening, deed) = (part(OPENINGS, "title.opening"), part(DEEDS, "title.deed"));
    format!("{opening} {deed} {}", part(THINGS, "title.thing"))
}

/// The text of an article.
pub(super) fn text(seed: Seed, article: u32) -> String {
    let first = u64::from(article) * LENGTH;
    let sentences: Vec<&str> =
        (first..first + LENGTH).map(|number| seed.pick(SENTENCES, "text", number)).collect();
    sentences.join(" ")
}

/// The text of a comment.
pub(super) fn remark(seed: Seed, comment: u64) -> String {
    seed.pick(REMARKS, "remark", comment).to_owned()
}
