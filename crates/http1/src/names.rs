//! Names of fields, looked up once.

use http::{HeaderName, header::InvalidHeaderName};

/// Places in a head whose names are remembered.
const PLACES: usize = 24;
/// Bytes of a name that is remembered; longer ones are rare.
const LONGEST: usize = 31;

/// The names that fields last had, by their place in the head.
///
/// A peer sends the same fields in the same order nearly every time. To see that a name is the one that stood there before
/// costs a few instructions; to look it up costs 130. Bounded, and of no consequence but that.
#[derive(Debug, Default)]
pub struct Names {
    seen: Vec<Place>,
}

#[derive(Debug)]
struct Place {
    /// As it was written.
    raw: [u8; LONGEST],
    length: u8,
    name: HeaderName,
}

impl Names {
    /// The name that is written so, as the field at `place` of a head.
    pub(crate) fn of(&mut self, place: usize, raw: &[u8]) -> Result<HeaderName, InvalidHeaderName> {
        if let Some(known) = self.seen.get(place)
            && known.raw() == raw
        {
            return Ok(known.name.clone());
        }
        let name = HeaderName::from_bytes(raw)?;
        self.note(place, raw, &name);
        Ok(name)
    }

    fn note(&mut self, place: usize, raw: &[u8], name: &HeaderName) {
        let Some(new) = Place::new(raw, name) else { return };
        let next = self.seen.len();
        match self.seen.get_mut(place) {
            Some(known) => *known = new,
            None if place == next && place < PLACES => self.seen.push(new),
            None => {}
        }
    }
}

impl Place {
    fn new(raw: &[u8], name: &HeaderName) -> Option<Self> {
        let mut place = Self { raw: [0; LONGEST], length: u8::try_from(raw.len()).ok()?, name: name.clone() };
        place.raw.get_mut(..raw.len())?.copy_from_slice(raw);
        Some(place)
    }

    fn raw(&self) -> &[u8] {
        &self.raw[..usize::from(self.length)]
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Whatever was seen before, a name is what it is without any memory.
        #[test]
        fn remembering_changes_nothing(
            heads in prop::collection::vec(prop::collection::vec("(?i)host|accept|x-[a-z]{0,40}|[a-z @]{0,3}", 0..30), 1..6),
        ) {
            let mut names = Names::default();
            for head in heads {
                for (place, raw) in head.iter().enumerate() {
                    let fresh = HeaderName::from_bytes(raw.as_bytes());
                    let known = names.of(place, raw.as_bytes());
                    prop_assert_eq!(known.ok(), fresh.ok());
                }
            }
            prop_assert!(names.seen.len() <= PLACES);
        }
    }

    #[test]
    fn the_same_head_is_remembered_and_its_spelling_counts() {
        let mut names = Names::default();
        for raw in ["X-Request-Id", "x-request-id"] {
            assert_eq!(names.of(0, raw.as_bytes()).unwrap(), "x-request-id");
            assert_eq!(names.seen[0].raw(), raw.as_bytes());
        }
    }
}
