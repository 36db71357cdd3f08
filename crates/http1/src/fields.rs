//! Fields as they came: where in a head each one lies, and nothing else made of them.
//!
//! A proxy passes nearly every field on as it is. To make a map of them, with a name looked up and a value of its own for
//! each, costs more than all else that is done about a head; so a map is made when somebody needs one.

use std::fmt;

use bytes::{BufMut, Bytes, BytesMut};
use http::{HeaderMap, HeaderValue};

use crate::{Known, Names};

/// The fields of a head, in their order.
#[derive(Clone, Default)]
pub struct FieldLines {
    head: Bytes,
    lines: Vec<Line>,
}

/// Where in its head a field lies. A head is at most [`MAX_HEAD`] bytes long.
#[derive(Clone, Copy, Debug)]
struct Line {
    name: u32,
    name_end: u32,
    value: u32,
    value_end: u32,
    known: Known,
}

/// Longest head that can be remembered, in bytes.
const MAX_HEAD: usize = u32::MAX as usize;
/// Longest name that a [`http::HeaderName`] can hold.
const MAX_NAME: usize = u16::MAX as usize;

/// Fields of a head that still lies in somebody's buffer.
#[derive(Debug)]
pub(crate) struct Lines<'a> {
    head: &'a [u8],
    lines: Vec<Line>,
}

/// Where the fields of a head lie, for the head to be put to it.
#[derive(Debug)]
pub(crate) struct Places(Vec<Line>);

impl<'a> Lines<'a> {
    /// No fields of `head` yet, with room for `count`.
    pub(crate) fn new(head: &'a [u8], count: usize) -> Self {
        Self { head, lines: Vec::with_capacity(count) }
    }

    /// Adds a field that lies in the head; `None` when it is none that could be written again, which a parser of tokens
    /// lets pass only when it is absurdly long.
    pub(crate) fn push(&mut self, known: Known, name: &[u8], value: &[u8]) -> Option<()> {
        if name.is_empty() || name.len() > MAX_NAME || self.head.len() > MAX_HEAD {
            return None;
        }
        let start = self.head.as_ptr().addr();
        let name_at = u32::try_from(name.as_ptr().addr().checked_sub(start)?).ok()?;
        let name_end = name_at + u32::try_from(name.len()).ok()?;
        let (value, value_end) = if value.is_empty() {
            // Nothing lies nowhere.
            (name_end, name_end)
        } else {
            let at = u32::try_from(value.as_ptr().addr().checked_sub(start)?).ok()?;
            (at, at + u32::try_from(value.len()).ok()?)
        };
        self.lines.push(Line { name: name_at, name_end, value, value_end, known });
        Some(())
    }

    /// Without the head, which may now be taken out of its buffer.
    pub(crate) fn places(self) -> Places {
        Places(self.lines)
    }
}

impl Places {
    /// With the head, which must be the one that they were found in.
    pub(crate) fn of(self, head: Bytes) -> FieldLines {
        FieldLines { head, lines: self.0 }
    }
}

impl FieldLines {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Which fields they are, as far as it matters to a proxy.
    pub fn known(&self) -> impl Iterator<Item = Known> + '_ {
        self.lines.iter().map(|line| line.known)
    }

    /// Names, as they were written, and values.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.lines.iter().map(|line| (self.name(line), self.value(line)))
    }

    /// The first value of a field.
    pub fn get(&self, known: Known) -> Option<&[u8]> {
        self.lines.iter().find(|line| line.known == known).map(|line| self.value(line))
    }

    /// The first value of a field of this name.
    pub fn first<'a>(&'a self, name: &'a str) -> Option<&'a [u8]> {
        self.get_all(name).next()
    }

    /// The values of a field of this name.
    pub fn get_all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        let known = Known::of(name.as_bytes());
        let is_it = move |line: &&Line| {
            line.known == known
                && (known != Known::Other || self.name(line).eq_ignore_ascii_case(name.as_bytes()))
        };
        self.lines.iter().filter(is_it).map(|line| self.value(line))
    }

    /// Keeps the fields of which `keep` says so, by what they are and their name as it was written.
    pub fn retain(&mut self, mut keep: impl FnMut(Known, &[u8]) -> bool) {
        let head = &self.head;
        self.lines.retain(|line| keep(line.known, slice(head, line.name, line.name_end)));
    }

    /// Keeps the first field of a kind, if there are more.
    pub(crate) fn keep_first(&mut self, known: Known) {
        let mut seen = 0;
        self.lines.retain(|line| {
            seen += usize::from(line.known == known);
            line.known != known || seen == 1
        });
    }

    /// The same as a map. `names` remembers the names of such heads.
    pub fn to_map(&self, names: &mut Names) -> HeaderMap {
        let mut map = HeaderMap::with_capacity(self.lines.len());
        for (place, line) in self.lines.iter().enumerate() {
            let value = self.head.slice(line.value as usize..line.value_end as usize);
            // What a head may hold, these may hold: a test says so for every byte.
            if let (Ok(name), Ok(value)) =
                (names.of(place, self.name(line)), HeaderValue::from_maybe_shared(value))
            {
                map.append(name, value);
            }
        }
        map
    }

    /// Writes the fields that `keep` lets pass, a line each.
    pub fn encode(&self, out: &mut BytesMut, mut keep: impl FnMut(Known, &[u8]) -> bool) {
        out.reserve(self.head.len());
        // Lines that follow one another, and are written as we would write them, are copied as one.
        let mut run = 0..0;
        for line in self.lines.iter().filter(|line| keep(line.known, self.name(line))) {
            if self.is_as_we_write(line) {
                if run.end != line.name {
                    out.put_slice(slice(&self.head, run.start, run.end));
                    run.start = line.name;
                }
                run.end = line.value_end + 2;
            } else {
                out.put_slice(slice(&self.head, run.start, run.end));
                run = 0..0;
                out.put_slice(self.name(line));
                out.put_slice(b": ");
                out.put_slice(self.value(line));
                out.put_slice(b"\r\n");
            }
        }
        out.put_slice(slice(&self.head, run.start, run.end));
    }

    /// `name: value` and the end of the line, with no other white space.
    fn is_as_we_write(&self, line: &Line) -> bool {
        line.value == line.name_end + 2
            && self.head.get(line.name_end as usize..line.value as usize) == Some(b": ")
            && self.head.get(line.value_end as usize..line.value_end as usize + 2) == Some(b"\r\n")
    }

    fn name(&self, line: &Line) -> &[u8] {
        slice(&self.head, line.name, line.name_end)
    }

    fn value(&self, line: &Line) -> &[u8] {
        slice(&self.head, line.value, line.value_end)
    }
}

fn slice(head: &[u8], from: u32, to: u32) -> &[u8] {
    &head[from as usize..to as usize]
}

impl fmt::Debug for FieldLines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |bytes: &[u8]| bytes.escape_ascii().to_string();
        f.debug_list().entries(self.iter().map(|(name, value)| (shown(name), shown(value)))).finish()
    }
}

impl PartialEq for FieldLines {
    fn eq(&self, other: &Self) -> bool {
        let shown = |fields: &Self| {
            fields.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.to_vec())).collect::<Vec<_>>()
        };
        shown(self) == shown(other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{HeadLimits, HeadScanner, HostMemory, parse_request};

    const LIMITS: HeadLimits = HeadLimits { bytes: 128 * 1024, target: 100, headers: 100 };

    fn parse(fields: &[u8]) -> Option<FieldLines> {
        let mut buffer = BytesMut::from(&b"GET / HTTP/1.1\r\n"[..]);
        buffer.put_slice(fields);
        buffer.put_slice(b"\r\n");
        let parsed =
            parse_request(&mut buffer, &mut HeadScanner::default(), &LIMITS, &mut HostMemory::default());
        parsed.ok()?.map(|head| head.fields)
    }

    fn encoded(fields: &FieldLines, keep: impl FnMut(Known, &[u8]) -> bool) -> String {
        let mut out = BytesMut::new();
        fields.encode(&mut out, keep);
        String::from_utf8(out.to_vec()).unwrap()
    }

    #[test]
    fn what_is_kept_is_written_as_we_write() {
        let fields = parse(b"Host: a\r\nA: 1\r\nTE:x\r\nb:  2 \r\nC:\r\nD: 4\r\nVia: v\r\nE: 5\r\n").unwrap();
        assert_eq!(encoded(&fields, |_, _| false), "");
        assert_eq!(
            encoded(&fields, |_, _| true),
            "Host: a\r\nA: 1\r\nTE: x\r\nb: 2\r\nC: \r\nD: 4\r\nVia: v\r\nE: 5\r\n"
        );
        assert_eq!(
            encoded(&fields, |known, name| known == Known::Other && name != b"D"),
            "A: 1\r\nb: 2\r\nC: \r\nE: 5\r\n"
        );
        let mut fewer = fields.clone();
        fewer.retain(|known, _| known != Known::Te);
        assert_eq!(
            encoded(&fewer, |known, _| known != Known::Via),
            encoded(&fields, |known, _| { !matches!(known, Known::Te | Known::Via) })
        );
    }

    #[test]
    fn fields_are_found_by_what_they_are_and_by_name() {
        let fields = parse(b"HOST: a\r\nCookie: x\r\nX-A: 1\r\ncookie: y\r\nx-a: 2\r\n").unwrap();
        assert_eq!(fields.get(Known::Cookie), Some(&b"x"[..]));
        assert_eq!(fields.get(Known::Te), None);
        assert_eq!(fields.get_all("x-a").collect::<Vec<_>>(), [b"1", b"2"]);
        let map = fields.to_map(&mut Names::default());
        assert_eq!((map.len(), map.get_all("cookie").iter().count()), (5, 2));
    }

    /// Nothing is lost on the way into a map: what the parser lets pass, names and values can hold.
    #[test]
    fn every_byte_that_may_stand_in_a_head_may_stand_in_a_map() {
        let mut accepted = 0;
        for byte in 0..=u8::MAX {
            for field in
                [[b"x", &[byte][..], b"x: y\r\n"].concat(), [b"x: y", &[byte][..], b"y\r\n"].concat()]
            {
                let Some(fields) = parse(&[b"Host: a\r\n", &field[..]].concat()) else { continue };
                assert_eq!(fields.to_map(&mut Names::default()).len(), fields.len(), "{byte:#x}");
                accepted += 1;
            }
        }
        assert!(accepted > 250, "{accepted}: the parser lets hardly anything pass");
    }

    #[test]
    fn a_name_that_no_map_can_hold_is_refused() {
        let field =
            |length: usize| [b"Host: a\r\n".to_vec(), vec![b'n'; length], b": v\r\n".to_vec()].concat();
        let longest = parse(&field(MAX_NAME)).unwrap();
        assert_eq!(longest.to_map(&mut Names::default()).len(), 2);
        assert!(parse(&field(MAX_NAME + 1)).is_none());
    }
}
