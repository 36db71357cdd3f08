//! What is wrong with a definition, and where.

use std::fmt;

/// A definition with more faults than this is no definition; the rest is not told.
const MAX_FAULTS: usize = 100;

/// One thing that is wrong with a definition.
///
/// The place is a JSON Pointer (RFC 6901) from the definition's root, whatever language the definition was written in:
/// the config's reader maps it back to a line and a column, the admin API hands it on as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The offending value; empty for the definition as a whole.
    pub pointer: String,
    /// What is wrong, as a sentence without a full stop.
    pub what: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.pointer.is_empty() {
            write!(f, "{}: ", self.pointer)?;
        }
        f.write_str(&self.what)?;
        self.hint.as_ref().map_or(Ok(()), |hint| write!(f, " ({hint})"))
    }
}

impl std::error::Error for Fault {}

/// A place within a definition, as a JSON Pointer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pointer(String);

impl Pointer {
    /// A field of the object here.
    pub(crate) fn field(&self, name: &str) -> Self {
        Self(format!("{}/{}", self.0, name.replace('~', "~0").replace('/', "~1")))
    }

    /// An element of the list here.
    pub(crate) fn index(&self, index: usize) -> Self {
        Self(format!("{}/{index}", self.0))
    }
}

/// Where faults are collected: a writer wants to see all of them at once.
#[derive(Debug, Default)]
pub(crate) struct Faults(Vec<Fault>);

impl Faults {
    /// Notes a fault that explains itself.
    pub(crate) fn say(&mut self, at: &Pointer, what: impl Into<String>) {
        self.note(at, what.into(), None);
    }

    /// Notes a fault, and what to do about it.
    pub(crate) fn advise(&mut self, at: &Pointer, what: impl Into<String>, hint: impl Into<String>) {
        self.note(at, what.into(), Some(hint.into()));
    }

    /// Notes a fault, and what to do about it if anything is known.
    pub(crate) fn note(&mut self, at: &Pointer, what: String, hint: Option<String>) {
        if self.0.len() < MAX_FAULTS {
            self.0.push(Fault { pointer: at.0.clone(), what, hint });
        }
    }

    /// Everything noted so far.
    pub(crate) fn into_vec(self) -> Vec<Fault> {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pointer_escapes_what_rfc_6901_escapes() {
        assert_eq!(Pointer::default().field("a/b").field("m~n").index(2).0, "/a~1b/m~0n/2");
    }

    #[test]
    fn a_fault_says_where_what_and_what_to_do() {
        let fault = Fault { pointer: "/a".into(), what: "is wrong".into(), hint: Some("mend it".into()) };
        assert_eq!(fault.to_string(), "/a: is wrong (mend it)");
    }

    #[test]
    fn a_flood_of_faults_is_cut() {
        let mut faults = Faults::default();
        (0..1_000).for_each(|_| faults.say(&Pointer::default(), "no"));
        assert_eq!(faults.into_vec().len(), MAX_FAULTS);
    }
}
