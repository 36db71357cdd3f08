//! The fields of a message on its way through: as they came while nobody needs more, as a map from then on.

use std::cell::OnceCell;

use banyan_http1::{FieldLines, Known, Names, encode_field, encode_fields};
use bytes::BytesMut;
use http::{HeaderMap, HeaderName, HeaderValue};
use smallvec::SmallVec;

/// The fields of a request or an answer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Head {
    /// As they came; `None` once the map is what counts, which is empty until then.
    came: Option<Came>,
    map: HeaderMap,
}

#[derive(Clone, Debug)]
struct Came {
    lines: FieldLines,
    /// Said by us, behind what came.
    ours: Vec<(HeaderName, HeaderValue)>,
    /// All of it as a map, once somebody has asked.
    view: OnceCell<Box<HeaderMap>>,
}

/// Values of fields by their name, wherever they are.
pub(crate) trait Values {
    /// All values of a field.
    fn all<'a>(&'a self, name: &'a HeaderName) -> impl Iterator<Item = &'a [u8]>;

    /// The first value of a field.
    fn first<'a>(&'a self, name: &'a HeaderName) -> Option<&'a [u8]> {
        self.all(name).next()
    }
}

impl Values for HeaderMap {
    fn all<'a>(&'a self, name: &'a HeaderName) -> impl Iterator<Item = &'a [u8]> {
        self.get_all(name).iter().map(HeaderValue::as_bytes)
    }
}

impl Values for Head {
    fn all<'a>(&'a self, name: &'a HeaderName) -> impl Iterator<Item = &'a [u8]> {
        let came = self.came.iter().flat_map(move |came| {
            let ours = came.ours.iter().filter(move |(said, _)| said == name);
            came.lines.get_all(name.as_str()).chain(ours.map(|(_, value)| value.as_bytes()))
        });
        came.chain(self.map.all(name))
    }

    fn first<'a>(&'a self, name: &'a HeaderName) -> Option<&'a [u8]> {
        let Some(came) = &self.came else { return self.map.get(name).map(HeaderValue::as_bytes) };
        let ours = || came.ours.iter().find(|(said, _)| said == name).map(|(_, value)| value.as_bytes());
        came.lines.first(name.as_str()).or_else(ours)
    }
}

impl From<FieldLines> for Head {
    fn from(lines: FieldLines) -> Self {
        Self { came: Some(Came { lines, ours: Vec::new(), view: OnceCell::new() }), map: HeaderMap::new() }
    }
}

impl From<HeaderMap> for Head {
    fn from(map: HeaderMap) -> Self {
        Self { came: None, map }
    }
}

impl Came {
    fn to_map(&self, names: &mut Names) -> HeaderMap {
        let mut map = self.lines.to_map(names);
        for (name, value) in &self.ours {
            map.append(name, value.clone());
        }
        map
    }
}

impl Head {
    /// As a map, made when it is first asked for.
    pub(crate) fn map(&self) -> &HeaderMap {
        self.map_by(&mut Names::default())
    }

    /// The same; `names` remembers the names of such heads, which is faster where maps are made all the time.
    pub(crate) fn map_by(&self, names: &mut Names) -> &HeaderMap {
        match &self.came {
            Some(came) => came.view.get_or_init(|| Box::new(came.to_map(names))),
            None => &self.map,
        }
    }

    /// As a map to be changed, which is what counts from then on.
    pub(crate) fn map_mut(&mut self) -> &mut HeaderMap {
        if let Some(mut came) = self.came.take() {
            self.map = came.view.take().map_or_else(|| came.to_map(&mut Names::default()), |view| *view);
        }
        &mut self.map
    }

    pub(crate) fn into_map(mut self) -> HeaderMap {
        std::mem::take(self.map_mut())
    }

    /// Whether there is no field.
    pub(crate) fn is_empty(&self) -> bool {
        self.known().next().is_none()
    }

    /// Whether there is a field of this name.
    pub(crate) fn contains(&self, name: &HeaderName) -> bool {
        self.first(name).is_some()
    }

    /// Whether there is any field that it is about.
    pub(crate) fn any(&self, is_it: impl Fn(Known) -> bool) -> bool {
        self.known().any(is_it)
    }

    /// Which fields there are, each at least once, as far as it matters to a proxy.
    pub(crate) fn known(&self) -> impl Iterator<Item = Known> {
        let came = self
            .came
            .iter()
            .flat_map(|came| came.lines.known().chain(came.ours.iter().map(|(name, _)| known(name))));
        came.chain(self.map.keys().map(known))
    }

    /// Says one more.
    pub(crate) fn append(&mut self, name: HeaderName, value: HeaderValue) {
        match &mut self.came {
            Some(came) => {
                came.ours.push((name, value));
                came.view.take();
            }
            None => drop(self.map.append(name, value)),
        }
    }

    /// Removes those that `keep` does not want kept, by what they are and their name in whatever spelling.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(Known, &[u8]) -> bool) {
        if let Some(came) = &mut self.came {
            came.ours.retain(|(name, _)| keep(known(name), name.as_str().as_bytes()));
            came.lines.retain(&mut keep);
            came.view.take();
        }
        let keys = self.map.keys();
        let gone: SmallVec<[HeaderName; 4]> =
            keys.filter(|name| !keep(known(name), name.as_str().as_bytes())).cloned().collect();
        for name in gone {
            self.map.remove(name);
        }
    }

    /// Says a field, in place of what was said of it.
    pub(crate) fn set(&mut self, name: HeaderName, value: HeaderValue) {
        self.remove(&name);
        self.append(name, value);
    }

    /// Removes a field.
    pub(crate) fn remove(&mut self, name: &HeaderName) {
        if self.contains(name) {
            self.retain(|_, said| !said.eq_ignore_ascii_case(name.as_str().as_bytes()));
        }
    }

    /// Writes those that `keep` lets pass, a line each.
    pub(crate) fn encode(&self, out: &mut BytesMut, mut keep: impl FnMut(Known, &[u8]) -> bool) {
        if let Some(came) = &self.came {
            came.lines.encode(out, &mut keep);
            for (name, value) in &came.ours {
                if keep(known(name), name.as_str().as_bytes()) {
                    encode_field(out, name, value);
                }
            }
        }
        for (name, value) in &self.map {
            if keep(known(name), name.as_str().as_bytes()) {
                encode_field(out, name, value);
            }
        }
    }

    /// Writes all of them, a line each.
    pub(crate) fn encode_all(&self, out: &mut BytesMut) {
        if let Some(came) = &self.came {
            came.lines.encode(out, |_, _| true);
            came.ours.iter().for_each(|(name, value)| encode_field(out, name, value));
        }
        encode_fields(out, &self.map);
    }
}

fn known(name: &HeaderName) -> Known {
    Known::of(name.as_str().as_bytes())
}

#[cfg(test)]
mod tests;
