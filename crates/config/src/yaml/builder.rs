//! Parser events to nodes, without recursion and within bounds.

use std::collections::HashMap;

use saphyr_parser::{Event, ScalarStyle, Tag};

use super::{Content, Entry, Nature, Node};
use crate::{
    report::{Problems, Read, Reported, quoted, shown},
    source::{Span, Spanned},
};

/// How deep the language nests is 8, but for the `json` of a fallback; this leaves room for that, and for mistakes to be
/// explained by the language instead.
const MAX_DEPTH: usize = 32;
/// A config of 4 MiB with routes as short as they get has about this many.
const MAX_NODES: usize = 500_000;

/// A collection that is not closed yet.
enum Open {
    Sequence(Vec<Node>),
    Mapping { entries: Vec<Entry>, key: Option<Key>, seen: HashMap<String, Span> },
}

/// The key whose value comes next.
enum Key {
    Good(Spanned<String>),
    /// It was reported; its value is read and dropped.
    Bad,
}

pub(super) struct Builder<'a> {
    problems: &'a Problems,
    open: Vec<(Span, Open)>,
    root: Option<Node>,
    documents: usize,
    nodes: usize,
    /// Set when an anchor was refused.
    anchor: Option<Reported>,
    /// Set when an alias was refused: its value is missing from the tree.
    hole: Option<Reported>,
}

impl<'a> Builder<'a> {
    pub(super) fn new(problems: &'a Problems) -> Self {
        Self { problems, open: Vec::new(), root: None, documents: 0, nodes: 0, anchor: None, hole: None }
    }

    /// Takes one event. An error ends the reading.
    pub(super) fn event(&mut self, event: Event<'_>, span: Span) -> Read<()> {
        match event {
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => Ok(()),
            Event::DocumentStart(_) => self.document(span),
            Event::Alias(_) => {
                // The anchor it stands for was reported, and one remedy is enough.
                self.hole = Some(self.anchor.unwrap_or_else(|| self.reference(span, "an alias")));
                self.value(Node { span, content: Content::Scalar { text: String::new(), plain: true } })
            }
            Event::Scalar(text, style, anchor, tag) => {
                self.properties(span, anchor, tag.as_deref());
                let plain = matches!(style, ScalarStyle::Plain);
                self.value(Node { span, content: Content::Scalar { text: text.into_owned(), plain } })
            }
            Event::SequenceStart(anchor, tag) => {
                self.properties(span, anchor, tag.as_deref());
                self.push(span, Open::Sequence(Vec::new()))
            }
            Event::MappingStart(anchor, tag) => {
                self.properties(span, anchor, tag.as_deref());
                self.push(span, Open::Mapping { entries: Vec::new(), key: None, seen: HashMap::new() })
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(),
        }
    }

    /// The document; `end` is where the text ends.
    pub(super) fn finish(self, end: Span) -> Read<Node> {
        if let Some(reported) = self.hole {
            // What the language says about a hole would mislead.
            return Err(reported);
        }
        self.root.ok_or_else(|| {
            let hint = "a config starts with 'version: 1'; see examples/banyan.yaml".to_owned();
            self.problems.add(Span::START.min(end), "the file holds no config", Some(hint))
        })
    }

    fn document(&mut self, span: Span) -> Read<()> {
        self.documents += 1;
        if self.documents == 1 {
            return Ok(());
        }
        let hint = "remove the '---' and what follows, or put it in a file of its own".to_owned();
        Err(self.problems.add(
            span,
            "a config is one YAML document, and here a second one starts",
            Some(hint),
        ))
    }

    fn properties(&mut self, span: Span, anchor: usize, tag: Option<&Tag>) {
        if anchor != 0 {
            self.anchor = Some(self.reference(span, "an anchor"));
        }
        if let Some(tag) = tag {
            let message = format!("the tag {} is not supported", shown(&tag.to_string()));
            self.problems.add(span, message, Some("remove the tag".to_owned()));
        }
    }

    fn reference(&self, span: Span, what: &str) -> Reported {
        let hint = "write the value out where it is used".to_owned();
        self.problems.add(span, format!("{what} is not supported in a config"), Some(hint))
    }

    fn push(&mut self, span: Span, open: Open) -> Read<()> {
        if self.open.len() >= MAX_DEPTH {
            let message = format!("nested more than {MAX_DEPTH} levels deep");
            return Err(self.problems.add(
                span,
                message,
                Some("no key of a config nests that deep".to_owned()),
            ));
        }
        self.open.push((span, open));
        Ok(())
    }

    fn close(&mut self) -> Read<()> {
        // The parser balances starts and ends, so there is always one.
        let Some((span, open)) = self.open.pop() else { return Ok(()) };
        let content = match open {
            Open::Sequence(items) => Content::Sequence(items),
            Open::Mapping { entries, .. } => Content::Mapping(entries),
        };
        self.value(Node { span, content })
    }

    /// Puts a complete node where it belongs.
    fn value(&mut self, node: Node) -> Read<()> {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            return Err(self.problems.add(node.span, format!("more than {MAX_NODES} values"), None));
        }
        match self.open.last_mut() {
            None => self.root = Some(node),
            Some((_, Open::Sequence(items))) => items.push(node),
            Some((_, Open::Mapping { entries, key, seen })) => match key.take() {
                None => *key = Some(read_key(node, seen, self.problems)),
                Some(Key::Bad) => {}
                Some(Key::Good(key)) => entries.push(Entry { key, value: node }),
            },
        }
        Ok(())
    }
}

fn read_key(node: Node, seen: &mut HashMap<String, Span>, problems: &Problems) -> Key {
    let span = node.span;
    let kind = node.kind();
    let Content::Scalar { text, plain } = node.content else {
        problems.add(span, format!("{kind} cannot be a key: keys are texts"), None);
        return Key::Bad;
    };
    if Nature::of(&text, plain) != Nature::Text {
        let hint = format!("put the key in quotes: \"{text}\"");
        problems.add(span, format!("the key {} is {kind}: keys are texts", quoted(&text)), Some(hint));
        return Key::Bad;
    }
    if let Some(first) = seen.get(&text) {
        let message = format!("the key {} stands twice in this map", quoted(&text));
        let hint = Some("keep one of them".to_owned());
        problems.add_related(span, message, hint, (*first, "first defined here"));
        return Key::Bad;
    }
    seen.insert(text.clone(), span);
    Key::Good(Spanned { value: text, span })
}
