//! Whole answers: status first, then fields, then body.

use std::borrow::Cow;

use serde_json::Value;

use crate::{
    Difference, DifferenceKind, Ids, Rules, Spot, System,
    difference::{BODY, CONTENT_TYPE, Differences, FIELD, Keep, STATUS},
    ids::Pairing,
    media,
    node::Document,
    rules::Leaf,
    walk,
};

/// An answer as far as [`compare`] looks at it.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'a> {
    /// Status code.
    pub status: u16,
    /// `Content-Type` field, if there is one.
    pub content_type: Option<&'a str>,
    /// The whole body, content codings removed.
    pub body: &'a [u8],
}

/// An answer with its fields.
#[derive(Clone, Copy, Debug)]
pub struct Reply<'a> {
    /// Status code.
    pub status: u16,
    /// Fields in their order, names in any case; those that no rule asks for may be left out.
    pub fields: &'a [(&'a str, &'a [u8])],
    /// The whole body, content codings removed.
    pub body: &'a [u8],
}

/// Where `candidate` differs from `control`; nothing means they match.
///
/// - Status codes of different classes are the only difference reported: an error page has nothing to do with the
///   body it stands for.
/// - Content types are compared by essence and charset ([RFC 9110 section 8.3.1]); no charset counts as UTF-8.
/// - Two bodies that both parse as JSON are compared by path. Numbers are equal by exact decimal value, key order is
///   free, the last of duplicated keys wins. Nesting beyond serde_json's limit (128) does not count as JSON. Elements
///   of lists are compared with those they are most like, and that they stand in another order is a difference of
///   the list.
/// - One JSON body against something else is a difference of type; anything else is compared byte by byte.
///
/// Pairings of ids are forgotten afterwards; a [`Triple`] remembers them.
///
/// [RFC 9110 section 8.3.1]: https://www.rfc-editor.org/rfc/rfc9110#section-8.3.1
#[must_use]
pub fn compare(control: &Answer<'_>, candidate: &Answer<'_>, rules: &Rules) -> Vec<Difference> {
    let fields = [control, candidate].map(Answer::field);
    let [left, right] = [(control, &fields[0]), (candidate, &fields[1])].map(|(answer, fields)| Reply {
        status: answer.status,
        fields: fields.as_slice(),
        body: answer.body,
    });
    let mut ids = Ids::default();
    let mut found = Differences::new(Keep::Paths);
    let mut pairing = Pairing::Across(&mut ids, System::Legacy);
    Pair { control: left, candidate: right, rules, ids: &mut pairing }.run(&mut found);
    found.into_vec()
}

/// One request's answers: the control's, the control's when asked once more, and the candidate's.
///
/// The control and the candidate come from the two systems of a unit, the second answer of the control from the same
/// system as the first. For the verdict to be fair, the control's second answer and the candidate's must be asked for
/// under the same conditions: at the same time, or in an order that is drawn anew each time. Data that changes between
/// the two would otherwise look like a fault of whoever is always asked last.
#[derive(Clone, Copy, Debug)]
pub struct Triple<'a> {
    /// What was answered.
    pub control: Reply<'a>,
    /// What the same system says when asked again; `None` when it was not or said nothing.
    pub again: Option<Reply<'a>>,
    /// What the other system says.
    pub candidate: Reply<'a>,
}

/// Where the answers of a [`Triple`] differ from the control's first one.
#[derive(Clone, Debug, PartialEq)]
pub struct Compared {
    /// The candidate's, with values; each path and kind once, at most [`MAX_SPOTS`](crate::MAX_SPOTS).
    pub candidate: Vec<Difference>,
    /// The control's own; `None` without a second answer.
    pub again: Option<Vec<Spot>>,
}

impl Triple<'_> {
    /// Compares both later answers with the first, as [`compare`] does and with fields and every kind of rule.
    /// `control` says which system the control is, `ids` what is known of ids; it learns from the candidate.
    #[must_use]
    pub fn compare(&self, rules: &Rules, ids: &mut Ids, control: System) -> Compared {
        let run = |later: Reply<'_>, mut pairing: Pairing<'_>, keep| {
            let mut found = Differences::new(keep);
            Pair { control: self.control, candidate: later, rules, ids: &mut pairing }.run(&mut found);
            found.into_vec()
        };
        let again = self.again.map(|again| run(again, Pairing::Same, Keep::BareSpots));
        Compared {
            candidate: run(self.candidate, Pairing::Across(ids, control), Keep::Spots),
            again: again.map(|found| found.into_iter().map(|one| one.spot()).collect()),
        }
    }
}

/// Two answers under comparison.
struct Pair<'a, 'i> {
    control: Reply<'a>,
    candidate: Reply<'a>,
    rules: &'a Rules,
    ids: &'a mut Pairing<'i>,
}

impl Pair<'_, '_> {
    fn run(&mut self, found: &mut Differences) {
        if !self.statuses(found) {
            return;
        }
        self.content_types(found);
        let rules = self.rules;
        rules.fields().iter().for_each(|name| self.field(name, found));
        self.bodies(found);
    }

    /// Whether it makes sense to go on.
    fn statuses(&self, found: &mut Differences) -> bool {
        let [left, right] = [self.control.status, self.candidate.status];
        let lens = self.rules.status_lens();
        let same_class = left / 100 == right / 100;
        if left == right || lens.ignores() || (same_class && lens.only_types()) {
            return true;
        }
        found.add(STATUS.to_owned(), DifferenceKind::Value, || {
            [left, right].map(|code| Some(Value::from(code)))
        });
        same_class
    }

    fn content_types(&mut self, found: &mut Differences) {
        let name = "content-type";
        let same = |left: &str, right: &str| media::same(left, right);
        self.compare_field(name, CONTENT_TYPE.to_owned(), same, found);
    }

    fn field(&mut self, name: &str, found: &mut Differences) {
        self.compare_field(name, format!("{FIELD}{name})"), |left, right| left == right, found);
    }

    fn compare_field(
        &mut self,
        name: &str,
        path: String,
        same: fn(&str, &str) -> bool,
        found: &mut Differences,
    ) {
        let lens = self.rules.field_lens(name);
        let [left, right] = [self.control, self.candidate].map(|reply| reply.field(name));
        let kind = match (&left, &right) {
            _ if lens.ignores() => return,
            (None, None) => return,
            (Some(_), None) => DifferenceKind::Missing,
            (None, Some(_)) => DifferenceKind::Extra,
            (Some(left), Some(right)) => {
                let [left, right] = [left, right].map(|text| self.in_order(name, text));
                if same(&left, &right) && !lens.pairs_ids() {
                    return;
                }
                match lens.judge(&Leaf::Text(left), &Leaf::Text(right), self.ids) {
                    Some(kind) => kind,
                    None => return,
                }
            }
        };
        found.add(path, kind, || [left, right].map(|text| text.map(|text| Value::from(text.into_owned()))));
    }

    /// A field whose elements are a set, its elements sorted.
    fn in_order<'t>(&self, name: &str, text: &'t str) -> Cow<'t, str> {
        if !self.rules.is_set_field(name) {
            return Cow::Borrowed(text);
        }
        let mut elements: Vec<&str> = text.split(',').map(str::trim).collect();
        elements.sort_unstable();
        Cow::Owned(elements.join(", "))
    }

    fn bodies(&mut self, found: &mut Differences) {
        let [control, candidate] = [self.control, self.candidate];
        // Equal bytes are equal whatever they mean; this is also the usual case and needs no parsing.
        let settled = control.body == candidate.body && !(self.rules.has_ids() && self.ids.is_across());
        if settled || self.rules.ignores_all() {
            return;
        }
        let kind = match (Document::parse(control.body), Document::parse(candidate.body)) {
            (Some(left), Some(right)) => return walk::compare(&left, &right, self.rules, self.ids, found),
            _ if control.body == candidate.body => return,
            _ if candidate.body.is_empty() => DifferenceKind::Missing,
            _ if control.body.is_empty() => DifferenceKind::Extra,
            (Some(_), None) if control.declares_json() => DifferenceKind::Type,
            (None, Some(_)) if candidate.declares_json() => DifferenceKind::Type,
            // A text that happens to parse, such as `42`, is still a text when nobody calls it JSON.
            _ => match self.texts() {
                Some(kind) => kind,
                None => return,
            },
        };
        found.add(BODY.to_owned(), kind, || [control, candidate].map(|reply| reply.text().map(Value::from)));
    }

    /// Two bodies that are texts.
    fn texts(&mut self) -> Option<DifferenceKind> {
        let text = |body| std::str::from_utf8(body).ok().map(|text| Leaf::Text(Cow::Borrowed(text)));
        match (text(self.control.body), text(self.candidate.body)) {
            (Some(left), Some(right)) => self.rules.lens(&[]).judge(&left, &right, self.ids),
            _ => Some(DifferenceKind::Value),
        }
    }
}

impl<'a> Answer<'a> {
    /// Its one field.
    fn field(&self) -> Option<(&'a str, &'a [u8])> {
        self.content_type.map(|text| ("content-type", text.as_bytes()))
    }
}

impl<'a> Reply<'a> {
    /// A field's lines joined as RFC 9110 section 5.3 allows.
    fn field(&self, name: &str) -> Option<Cow<'a, str>> {
        let mut lines = self.fields.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name));
        let first = String::from_utf8_lossy(lines.next()?.1);
        Some(lines.fold(first, |joined, (_, line)| {
            Cow::Owned(format!("{joined}, {}", String::from_utf8_lossy(line)))
        }))
    }

    fn declares_json(&self) -> bool {
        self.field("content-type").is_some_and(|text| media::is_json(&text))
    }

    fn text(&self) -> Option<Cow<'a, str>> {
        (!self.body.is_empty()).then(|| String::from_utf8_lossy(self.body))
    }
}
