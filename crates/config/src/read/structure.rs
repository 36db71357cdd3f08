//! Nodes to values, as the tables say.

use super::{fields::Fields, foreign::Foreign, json, scalar, shapes::Place, value::Value};
use crate::{
    language::{Absence, Choice, Field, Kind, Object, ROOT},
    report::{Complaint, Problems, Read, quoted, shown},
    source::{Span, Spanned},
    suggest,
    yaml::{Content, Entry, Nature, Node},
};

type Item<'p> = Spanned<Value<'p>>;

/// Reads a whole file.
pub(crate) fn root<'p>(node: &Node, problems: &'p Problems) -> Read<Fields<'p>> {
    let Content::Mapping(entries) = &node.content else {
        let hint = "a config starts with 'version: 1'; see examples/banyan.yaml".to_owned();
        let message = format!("the file is {}: a config is a map of keys", node.kind());
        return Err(problems.add(node.span, message, Some(hint)));
    };
    let place = Place { what: ROOT.name.to_owned(), span: node.span };
    Ok(Reader { problems }.fields(&ROOT, entries, place))
}

/// Reads an object that stands alone.
pub(crate) fn object<'p>(object: &'static Object, node: &Node, problems: &'p Problems) -> Read<Fields<'p>> {
    let Content::Mapping(entries) = &node.content else {
        let message = format!("{} is {}: a map of keys is wanted", object.name, node.kind());
        return Err(problems.add(node.span, message, None));
    };
    let place = Place { what: object.name.to_owned(), span: node.span };
    Ok(Reader { problems }.fields(object, entries, place))
}

#[derive(Clone, Copy)]
struct Reader<'p> {
    problems: &'p Problems,
}

impl<'p> Reader<'p> {
    /// Reads a map with fixed keys.
    fn fields(self, object: &'static Object, entries: &[Entry], place: Place) -> Fields<'p> {
        for entry in entries.iter().filter(|entry| object.field(&entry.key.value).is_none()) {
            self.unknown_key(object, &place, entry);
        }
        let read = |field: &'static Field| match entries.iter().find(|entry| entry.key.value == field.key) {
            Some(entry) => self.value(&field.kind, &entry.value, field.key, &entry.key).map(Some),
            None => self.absent(field, entries, &place),
        };
        let values = object.fields.iter().map(read).collect();
        Fields::new(object, place, values, self.problems)
    }

    fn unknown_key(self, object: &Object, place: &Place, entry: &Entry) {
        let key = &entry.key.value;
        if self.problems.is_full() {
            self.problems.add(entry.key.span, String::new(), None);
            return;
        }
        let known = object.misplaced.iter().find(|(word, _)| word == key);
        let hint = match known {
            Some((_, instead)) => Some((*instead).to_owned()),
            None => suggest::hint(key, object.fields.iter().map(|field| field.key)),
        };
        self.problems.add(entry.key.span, format!("{} has no key {}", place.what, quoted(key)), hint);
    }

    fn absent(self, field: &'static Field, entries: &[Entry], place: &Place) -> Read<Option<Item<'p>>> {
        match field.absence {
            Absence::Means(_) => Ok(None),
            Absence::Unless { key, .. } if entries.iter().any(|entry| entry.key.value == key) => Ok(None),
            Absence::Refused => {
                let hint = format!("add '{}: ...': {}", field.key, field.kind.describe());
                Err(self.problems.add(
                    place.span,
                    format!("{} needs '{}'", place.what, field.key),
                    Some(hint),
                ))
            }
            Absence::Default(yaml) | Absence::Unless { yaml, .. } => {
                let node = moved(crate::yaml::read(yaml, self.problems)?, place.span);
                let key = Spanned { value: field.key.to_owned(), span: place.span };
                self.value(&field.kind, &node, field.key, &key).map(Some)
            }
        }
    }

    /// Reads a value. `label` is how messages call it, `owner` the nearest key above it.
    fn value(self, kind: &'static Kind, node: &Node, label: &str, owner: &Spanned<String>) -> Read<Item<'p>> {
        let value = match kind {
            Kind::List { of, min } => self.list(of, *min, node, label, owner)?,
            Kind::OneOrMany(of) => match &node.content {
                Content::Sequence(_) => self.list(of, 1, node, label, owner)?,
                _ => Value::List(vec![self.value(of, node, label, owner)?], Ok(())),
            },
            Kind::Map { of, .. } => self.map(kind, of, node, label)?,
            Kind::Object(object) => self.object(kind, object, node, label, owner)?,
            Kind::OffOrObject(object) => match &node.content {
                Content::Scalar { text, plain } => self.switch(kind, node, text, *plain, label)?,
                _ => self.object(kind, object, node, label, owner)?,
            },
            Kind::Json => Value::Json(json::read(node, label, self.problems)?),
            Kind::TextOrObject { short, object } => match &node.content {
                Content::Scalar { .. } => self.short(short, object, node, label)?,
                _ => self.object(kind, object, node, label, owner)?,
            },
            Kind::TextOr { object, .. } => match &node.content {
                Content::Scalar { .. } => self.text(kind, node, label)?,
                _ => self.object(kind, object, node, label, owner)?,
            },
            Kind::Foreign(_) => self.foreign(kind, node, label)?,
            _ => self.scalar(kind, node, label)?,
        };
        Ok(Spanned { value, span: node.span })
    }

    fn list(
        self,
        of: &'static Kind,
        min: usize,
        node: &Node,
        label: &str,
        owner: &Spanned<String>,
    ) -> Read<Value<'p>> {
        let Content::Sequence(nodes) = &node.content else {
            return Err(self.wrong(node, label, &format!("a list is wanted, each entry {}", of.describe())));
        };
        if nodes.len() < min {
            let hint = format!("each entry is {}", of.describe());
            return Err(self.problems.add(
                node.span,
                format!("{label} is empty: at least one entry is needed"),
                Some(hint),
            ));
        }
        let label = format!("an entry of {label}");
        let (mut items, mut whole) = (Vec::with_capacity(nodes.len()), Ok(()));
        for node in nodes {
            let at = Spanned { value: owner.value.clone(), span: node.span };
            match self.value(of, node, &label, &at) {
                Ok(item) => items.push(item),
                Err(reported) => whole = Err(reported),
            }
        }
        Ok(Value::List(items, whole))
    }

    fn map(self, kind: &'static Kind, of: &'static Kind, node: &Node, label: &str) -> Read<Value<'p>> {
        let Content::Mapping(entries) = &node.content else {
            return Err(self.wrong(node, label, &format!("{} is wanted", kind.describe())));
        };
        let read = |entry: &Entry| {
            let inner = of
                .object()
                .map_or(label, |object| object.name.trim_start_matches("an ").trim_start_matches("a "));
            let label = format!("{inner} '{}'", entry.key.value);
            (entry.key.clone(), self.value(of, &entry.value, &label, &entry.key))
        };
        Ok(Value::Map(entries.iter().map(read).collect()))
    }

    fn object(
        self,
        kind: &'static Kind,
        object: &'static Object,
        node: &Node,
        label: &str,
        owner: &Spanned<String>,
    ) -> Read<Value<'p>> {
        let Content::Mapping(entries) = &node.content else {
            return Err(self.wrong(node, label, &format!("{} is wanted", kind.describe())));
        };
        // A thing with a name of its own is called by it; a missing key is shown at the name.
        let what = if label.ends_with('\'') { label.to_owned() } else { object.name.to_owned() };
        Ok(Value::Object(self.fields(object, entries, Place { what, span: owner.span })))
    }

    /// The word `off` where there could be an object.
    fn switch(
        self,
        kind: &'static Kind,
        node: &Node,
        text: &str,
        plain: bool,
        label: &str,
    ) -> Read<Value<'p>> {
        if text == "off" {
            return Ok(Value::Off);
        }
        let hint = match (Nature::of(text, plain), text.to_ascii_lowercase().as_str()) {
            (_, "false" | "no" | "off" | "none" | "disabled") => "write off",
            _ => "write {} for all defaults, or off",
        };
        let found = if text.is_empty() { node.kind().to_owned() } else { shown(text) };
        let message = format!("{label} is {found}: {} is wanted", kind.describe());
        Err(self.problems.add(node.span, message, Some(hint.to_owned())))
    }

    /// The short form of an object: a lone text.
    fn short(
        self,
        short: &'static str,
        object: &'static Object,
        node: &Node,
        label: &str,
    ) -> Read<Value<'p>> {
        if let Content::Scalar { text, plain } = &node.content
            && Nature::of(text, *plain) != Nature::Text
        {
            let wanted = object.field(short).map(|(_, field)| field.kind.describe()).unwrap_or_default();
            return Err(self.wrong(node, label, &format!("{wanted} is wanted")));
        }
        let key = Spanned { value: short.to_owned(), span: node.span };
        let place = Place { what: object.name.to_owned(), span: node.span };
        Ok(Value::Object(self.fields(object, &[Entry { key, value: node.clone() }], place)))
    }

    /// A lone text where there could be an object.
    fn text(self, kind: &'static Kind, node: &Node, label: &str) -> Read<Value<'p>> {
        match &node.content {
            Content::Scalar { text, plain } if Nature::of(text, *plain) == Nature::Text => {
                Ok(Value::Text(text.clone()))
            }
            _ => Err(self.wrong(node, label, &format!("{} is wanted", kind.describe()))),
        }
    }

    /// A map that another crate reads.
    fn foreign(self, kind: &'static Kind, node: &Node, label: &str) -> Read<Value<'p>> {
        match &node.content {
            Content::Mapping(_) => Foreign::read(kind, node, label, self.problems).map(Value::Foreign),
            _ => Err(self.wrong(node, label, &format!("{} is wanted", kind.describe()))),
        }
    }

    fn scalar(self, kind: &'static Kind, node: &Node, label: &str) -> Read<Value<'p>> {
        let Content::Scalar { text, plain } = &node.content else {
            return Err(self.wrong(node, label, &format!("{} is wanted", kind.describe())));
        };
        let nature = Nature::of(text, *plain);
        if nature == Nature::Null {
            let hint = format!("remove the key, or give it {}", kind.describe());
            return Err(self.problems.add(node.span, format!("{label} has no value"), Some(hint)));
        }
        parse(kind, text, nature).map_err(|complaint| {
            let message = format!("{label} is {}: {}", shown(text), complaint.message);
            let why = kind.reason().map(str::to_owned);
            self.problems.add(node.span, message, why.or(complaint.hint))
        })
    }

    /// Reports a node that is not of the kind wanted.
    fn wrong(self, node: &Node, label: &str, wanted: &str) -> crate::report::Reported {
        let found = match &node.content {
            Content::Scalar { text, .. } if !text.is_empty() => shown(text),
            _ => node.kind().to_owned(),
        };
        self.problems.add(node.span, format!("{label} is {found}: {wanted}"), None)
    }
}

/// Reads a scalar that is not null.
fn parse(kind: &'static Kind, text: &str, nature: Nature) -> Result<Value<'static>, Complaint> {
    match kind {
        Kind::Bool => match nature {
            Nature::Bool(value) => Ok(Value::Bool(value)),
            _ => Err(bool_complaint(text)),
        },
        Kind::Integer { min, max } if nature == Nature::Text => match scalar::integer(text, *min, *max) {
            Ok(_) => Err(Complaint::new("a whole number is wanted").hint("remove the quotes")),
            Err(complaint) => Err(complaint),
        },
        Kind::Integer { min, max } => scalar::integer(text, *min, *max).map(Value::Number),
        Kind::Size { min, max } => scalar::size(text, *min, *max).map(Value::Number),
        Kind::Duration { min, max } => scalar::duration(text, *min, *max).map(Value::Duration),
        Kind::Percent => scalar::percent(text).map(Value::Percent),
        Kind::Share { min, max } => scalar::share(text, *min, *max).map(Value::Percent),
        Kind::Decimal { min, max } if nature == Nature::Text => match scalar::decimal(text, *min, *max) {
            Ok(_) => Err(Complaint::new("a number is wanted").hint("remove the quotes")),
            Err(complaint) => Err(complaint),
        },
        Kind::Decimal { min, max } => scalar::decimal(text, *min, *max).map(Value::Decimal),
        Kind::Number { max } if nature == Nature::Text => match scalar::number(text, *max) {
            Ok(_) => Err(Complaint::new("a number is wanted").hint("remove the quotes")),
            Err(complaint) => Err(complaint),
        },
        Kind::Number { max } => scalar::number(text, *max).map(Value::Real),
        Kind::Because { of, .. } => parse(of, text, nature),
        Kind::Choice(choices) => choice(choices, text).map(Value::Choice),
        _ => match nature {
            Nature::Text => Ok(Value::Text(text.to_owned())),
            _ => Err(Complaint::new(format!("{} is wanted", kind.describe()))
                .hint(format!("if that is what you mean, put it in quotes: \"{text}\""))),
        },
    }
}

fn bool_complaint(text: &str) -> Complaint {
    let complaint = Complaint::new("true or false is wanted");
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "y" | "1" => complaint.hint("write true, without quotes"),
        "false" | "no" | "off" | "n" | "0" => complaint.hint("write false, without quotes"),
        _ => complaint,
    }
}

fn choice(choices: &'static [Choice], text: &str) -> Result<&'static str, Complaint> {
    let words = choices.iter().map(|choice| choice.word);
    words.clone().find(|word| *word == text).ok_or_else(|| {
        let complaint =
            Complaint::new(format!("{} is wanted", words.clone().collect::<Vec<_>>().join(" or ")));
        match suggest::nearest(text, words) {
            Some(meant) => complaint.hint(format!("did you mean '{meant}'?")),
            None => complaint,
        }
    })
}

/// A default's node, placed where the key is missing.
fn moved(node: Node, span: Span) -> Node {
    let content = match node.content {
        Content::Sequence(nodes) => {
            Content::Sequence(nodes.into_iter().map(|node| moved(node, span)).collect())
        }
        content => content,
    };
    Node { span, content }
}
