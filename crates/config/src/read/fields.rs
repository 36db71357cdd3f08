//! The values of an object, taken out by key.

use super::{
    shapes::{Either, FromText, Named, Place, Switch},
    value::{Entry, FromValue, Value},
};
use crate::{
    language::Object,
    report::{Complaint, Problems, Read, Reported, shown},
    source::{Span, Spanned},
};

/// The values of an object. A value that is missing here was reported.
#[derive(Clone, Debug)]
pub(crate) struct Fields<'p> {
    object: &'static Object,
    place: Place,
    /// One for each field of `object`, in its order.
    values: Vec<Read<Option<Spanned<Value<'p>>>>>,
    problems: &'p Problems,
}

impl<'p> Fields<'p> {
    pub(super) fn new(
        object: &'static Object,
        place: Place,
        values: Vec<Read<Option<Spanned<Value<'p>>>>>,
        problems: &'p Problems,
    ) -> Self {
        Self { object, place, values, problems }
    }

    /// Where the object is shown: at its name if it has one.
    pub(crate) fn span(&self) -> Span {
        self.place.span
    }

    /// How messages call the object.
    pub(crate) fn what(&self) -> &str {
        &self.place.what
    }

    /// Where everything is reported.
    pub(crate) fn problems(&self) -> &'p Problems {
        self.problems
    }

    /// A value that is required or has a default.
    pub(crate) fn get<T: FromValue>(&self, key: &'static str) -> Read<T> {
        self.placed(key).map(|item| item.value)
    }

    /// The same, with its place.
    pub(crate) fn placed<T: FromValue>(&self, key: &'static str) -> Read<Spanned<T>> {
        self.maybe(key)?.ok_or_else(|| self.mismatch(key))
    }

    /// A value that may be missing.
    pub(crate) fn maybe<T: FromValue>(&self, key: &'static str) -> Read<Option<Spanned<T>>> {
        let Some(item) = self.raw(key)? else { return Ok(None) };
        let value = T::from_value(&item.value).ok_or_else(|| self.mismatch(key))?;
        Ok(Some(Spanned { value, span: item.span }))
    }

    /// A text that is required or has a default.
    pub(crate) fn text<T: FromText>(&self, key: &'static str) -> Read<Spanned<T>> {
        self.maybe_text(key)?.ok_or_else(|| self.mismatch(key))
    }

    /// A text that may be missing.
    pub(crate) fn maybe_text<T: FromText>(&self, key: &'static str) -> Read<Option<Spanned<T>>> {
        self.maybe::<String>(key)?.map(|text| read_text(text, key, self.problems)).transpose()
    }

    /// The readable texts of a list, and whether that is all of them.
    pub(crate) fn texts<T: FromText>(&self, key: &'static str) -> (Vec<Spanned<T>>, Read<()>) {
        let (items, mut whole) = match self.list(key) {
            Ok(list) => list,
            Err(reported) => return (Vec::new(), Err(reported)),
        };
        let label = format!("an entry of {key}");
        let mut texts = Vec::with_capacity(items.len());
        for Spanned { value, span } in items {
            let text = String::from_value(value).ok_or_else(|| self.mismatch(key));
            match text.and_then(|value| read_text(Spanned { value, span: *span }, &label, self.problems)) {
                Ok(text) => texts.push(text),
                Err(reported) => whole = Err(reported),
            }
        }
        (texts, whole)
    }

    /// The readable values of a list that may be missing, and whether that is all of them.
    pub(crate) fn values<T: FromValue>(&self, key: &'static str) -> (Vec<T>, Read<()>) {
        let (values, whole) = self.placed_list(key);
        (values.into_iter().map(|item| item.value).collect(), whole)
    }

    /// The same, with their places.
    pub(crate) fn placed_list<T: FromValue>(&self, key: &'static str) -> (Vec<Spanned<T>>, Read<()>) {
        let (items, mut whole) = match self.raw(key) {
            Ok(None) => return (Vec::new(), Ok(())),
            _ => match self.list(key) {
                Ok(list) => list,
                Err(reported) => return (Vec::new(), Err(reported)),
            },
        };
        let mut values = Vec::with_capacity(items.len());
        for item in items {
            match T::from_value(&item.value).ok_or_else(|| self.mismatch(key)) {
                Ok(value) => values.push(Spanned { value, span: item.span }),
                Err(reported) => whole = Err(reported),
            }
        }
        (values, whole)
    }

    /// Every key and what was read under it, in the order of the table.
    pub(crate) fn read_values(&self) -> impl Iterator<Item = (&'static str, &Value<'p>)> {
        let keys = self.object.fields.iter().map(|field| field.key);
        keys.zip(&self.values).filter_map(|(key, value)| Some((key, &value.as_ref().ok()?.as_ref()?.value)))
    }

    /// Whether nothing was written under a key and it has no default.
    pub(crate) fn is_absent(&self, key: &'static str) -> bool {
        matches!(self.raw(key), Ok(None))
    }

    /// Where a value stands, if there is one and it could be read.
    pub(crate) fn place(&self, key: &'static str) -> Option<Span> {
        self.raw(key).ok().flatten().map(|item| item.span)
    }

    /// An object that may be switched off.
    pub(crate) fn switch(&self, key: &'static str) -> Read<Switch<&Self>> {
        match self.raw(key)? {
            None => Ok(Switch::Absent),
            Some(Spanned { value: Value::Off, .. }) => Ok(Switch::Off),
            Some(Spanned { value: Value::Object(fields), .. }) => Ok(Switch::On(fields)),
            Some(_) => Err(self.mismatch(key)),
        }
    }

    /// A text or an object, one of which is required or the default.
    pub(crate) fn either(&self, key: &'static str) -> Read<Either<&Self>> {
        match self.raw(key)? {
            Some(Spanned { value: Value::Text(text), span }) => {
                Ok(Either::Text(Spanned { value: text.clone(), span: *span }))
            }
            Some(Spanned { value: Value::Object(fields), .. }) => Ok(Either::Object(fields)),
            _ => Err(self.mismatch(key)),
        }
    }

    /// An object that is required or has a default.
    pub(crate) fn object(&self, key: &'static str) -> Read<&Self> {
        self.maybe_object(key)?.ok_or_else(|| self.mismatch(key))
    }

    /// An object that may be missing.
    pub(crate) fn maybe_object(&self, key: &'static str) -> Read<Option<&Self>> {
        match self.raw(key)? {
            None => Ok(None),
            Some(Spanned { value: Value::Object(fields), .. }) => Ok(Some(fields)),
            Some(_) => Err(self.mismatch(key)),
        }
    }

    /// The readable objects of a list, and whether that is all of them.
    pub(crate) fn objects(&self, key: &'static str) -> (Vec<&Self>, Read<()>) {
        let (items, mut whole) = match self.list(key) {
            Ok(list) => list,
            Err(reported) => return (Vec::new(), Err(reported)),
        };
        let mut objects = Vec::with_capacity(items.len());
        for item in items {
            match &item.value {
                Value::Object(fields) => objects.push(fields),
                _ => whole = Err(self.mismatch(key)),
            }
        }
        (objects, whole)
    }

    /// The entries of a map of objects. An entry whose value was refused is there by its name.
    pub(crate) fn named(&self, key: &'static str) -> Read<Vec<Named<Read<&Self>>>> {
        let entries = self.map(key)?;
        Ok(entries
            .iter()
            .map(|(name, value)| {
                let value = match value {
                    Ok(Spanned { value: Value::Object(fields), .. }) => Ok(fields),
                    Ok(_) => Err(self.mismatch(key)),
                    Err(reported) => Err(*reported),
                };
                Named { name: name.clone(), value }
            })
            .collect())
    }

    /// The readable values of a map of these, by name, and whether that is all of them.
    pub(crate) fn named_values<T: FromValue>(&self, key: &'static str) -> (Vec<Named<Spanned<T>>>, Read<()>) {
        let entries = self.map(key);
        let (mut values, mut whole) = (Vec::new(), entries.map(|_| ()));
        for (name, value) in entries.unwrap_or_default() {
            let value = value.as_ref().map_err(|reported| *reported).and_then(|item| {
                let value = T::from_value(&item.value).ok_or_else(|| self.mismatch(key))?;
                Ok(Spanned { value, span: item.span })
            });
            match value {
                Ok(value) => values.push(Named { name: name.clone(), value }),
                Err(reported) => whole = Err(reported),
            }
        }
        (values, whole)
    }

    /// The readable entries of a map of texts that may be missing, and whether that is all of them.
    pub(crate) fn named_texts(&self, key: &'static str) -> (Vec<Named<Spanned<String>>>, Read<()>) {
        match self.raw(key) {
            Ok(None) => (Vec::new(), Ok(())),
            _ => self.named_values(key),
        }
    }

    fn list(&self, key: &'static str) -> Read<(&[Spanned<Value<'p>>], Read<()>)> {
        match self.raw(key)? {
            Some(Spanned { value: Value::List(items, whole), .. }) => Ok((items, *whole)),
            _ => Err(self.mismatch(key)),
        }
    }

    fn map(&self, key: &'static str) -> Read<&[Entry<'p>]> {
        match self.raw(key)? {
            Some(Spanned { value: Value::Map(entries), .. }) => Ok(entries),
            _ => Err(self.mismatch(key)),
        }
    }

    fn raw(&self, key: &'static str) -> Read<Option<&Spanned<Value<'p>>>> {
        let value = self.object.field(key).and_then(|(index, _)| self.values.get(index));
        match value {
            Some(Ok(value)) => Ok(value.as_ref()),
            Some(Err(reported)) => Err(*reported),
            None => Err(self.mismatch(key)),
        }
    }

    /// The caller and the tables disagree: a mistake in this crate, which must not pass for a good config.
    fn mismatch(&self, key: &'static str) -> Reported {
        debug_assert!(false, "'{key}' of '{}' is read as something else than the tables say", self.object.id);
        self.problems.add(
            self.place.span,
            format!("Banyan cannot read '{key}' of {}; please report this", self.place.what),
            None,
        )
    }
}

/// Reads a text and reports what is wrong with it.
fn read_text<T: FromText>(text: Spanned<String>, label: &str, problems: &Problems) -> Read<Spanned<T>> {
    match T::from_text(&text.value) {
        Ok(value) => Ok(Spanned { value, span: text.span }),
        Err(Complaint { message, hint }) => {
            Err(problems.add(text.span, format!("{label} is {}: {message}", shown(&text.value)), hint))
        }
    }
}
