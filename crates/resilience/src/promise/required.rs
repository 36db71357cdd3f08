//! Whether a document has values where they were promised, without building it.
//!
//! A body that is looked into is held back, so the look should be quick. Building the document costs an allocation for each
//! name and each text in it, to look at two or three of them. So the pointers are put together to a tree, and the parser
//! goes down it: what lies beside the tree is only checked for being JSON.

use std::fmt;

use serde::{
    Deserializer,
    de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor},
};

/// JSON pointers (RFC 6901) that must lead to a value.
#[derive(Clone, Debug)]
pub(super) struct Required {
    /// In the order in which they were required, and where they end in the tree.
    pointers: Vec<(Box<str>, usize)>,
    /// The root is the first.
    nodes: Vec<Node>,
}

/// A place in a document to which a pointer leads, or through which it does.
#[derive(Clone, Debug, Default)]
struct Node {
    children: Vec<Child>,
}

#[derive(Clone, Debug)]
struct Child {
    name: Box<str>,
    /// The same in an array, if it can be one.
    index: Option<usize>,
    node: usize,
}

impl Default for Required {
    fn default() -> Self {
        Self { pointers: Vec::new(), nodes: vec![Node::default()] }
    }
}

impl Required {
    /// Requires one more. It is a valid pointer.
    pub(super) fn add(&mut self, pointer: &str) {
        let tokens = pointer.split('/').skip(1).map(|token| token.replace("~1", "/").replace("~0", "~"));
        let end = tokens.fold(0, |at, token| self.child_of(at, token));
        self.pointers.push((pointer.into(), end));
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.pointers.is_empty()
    }

    pub(super) fn pointers(&self) -> impl Iterator<Item = &str> {
        self.pointers.iter().map(|(pointer, _)| &**pointer)
    }

    /// The first pointer that leads to nothing, if there is one.
    pub(super) fn first_missing(&self, text: &str) -> Result<Option<&str>, serde_json::Error> {
        let mut found = vec![false; self.nodes.len()];
        let mut parser = serde_json::Deserializer::from_str(text);
        Look { required: self, found: &mut found, at: 0 }.deserialize(&mut parser)?;
        parser.end()?;
        let is_missing = |(_, end): &&(_, usize)| !found.get(*end).copied().unwrap_or(false);
        Ok(self.pointers.iter().find(is_missing).map(|(pointer, _)| &**pointer))
    }

    fn child_of(&mut self, at: usize, name: String) -> usize {
        let existing = self.children(at).iter().find(|child| *child.name == *name);
        if let Some(child) = existing {
            return child.node;
        }
        let node = self.nodes.len();
        self.nodes.push(Node::default());
        if let Some(parent) = self.nodes.get_mut(at) {
            parent.children.push(Child { index: index(&name), name: name.into(), node });
        }
        node
    }

    fn children(&self, at: usize) -> &[Child] {
        self.nodes.get(at).map_or(&[], |node| &node.children)
    }

    /// What was found below is void: another member of the same name has come.
    fn forget(&self, found: &mut [bool], at: usize) {
        if let Some(found) = found.get_mut(at) {
            *found = false;
        }
        self.children(at).iter().for_each(|child| self.forget(found, child.node));
    }
}

/// The element that a token names, which has no leading zeros (RFC 6901 section 4).
fn index(token: &str) -> Option<usize> {
    let is_index = token == "0" || !token.starts_with(['0', '+']);
    is_index.then(|| token.parse().ok()).flatten()
}

/// The parser at a place in the tree.
struct Look<'a> {
    required: &'a Required,
    found: &'a mut [bool],
    at: usize,
}

impl Look<'_> {
    fn below(&mut self, node: usize) -> Look<'_> {
        Look { required: self.required, found: self.found, at: node }
    }
}

impl<'de> DeserializeSeed<'de> for Look<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, parser: D) -> Result<(), D::Error> {
        if let Some(found) = self.found.get_mut(self.at) {
            *found = true;
        }
        if self.required.children(self.at).is_empty() {
            return parser.deserialize_ignored_any(IgnoredAny).map(|IgnoredAny| ());
        }
        parser.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Look<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut members: A) -> Result<(), A::Error> {
        while let Some(child) = members.next_key_seed(Name(self.required.children(self.at)))? {
            match child {
                None => {
                    members.next_value::<IgnoredAny>()?;
                }
                Some(node) => {
                    self.required.forget(self.found, node);
                    members.next_value_seed(self.below(node))?;
                }
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut elements: A) -> Result<(), A::Error> {
        let mut position = 0_usize;
        loop {
            let children = self.required.children(self.at);
            let is_more = match children.iter().find(|child| child.index == Some(position)) {
                None => elements.next_element::<IgnoredAny>()?.is_some(),
                Some(child) => elements.next_element_seed(self.below(child.node))?.is_some(),
            };
            if !is_more {
                return Ok(());
            }
            position += 1;
        }
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }
}

/// Reads the name of a member: which child it is, if it is one.
struct Name<'a>(&'a [Child]);

impl<'de> DeserializeSeed<'de> for Name<'_> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, parser: D) -> Result<Self::Value, D::Error> {
        parser.deserialize_str(self)
    }
}

impl Visitor<'_> for Name<'_> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.0.iter().find(|child| *child.name == *name).map(|child| child.node))
    }
}
