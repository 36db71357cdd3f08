//! A definition as JSON, in the one form that [`Definition::read`] gives back the same from.

use serde_json::{Map, Value, json};

use crate::{Condition, Definition, Kind, Overlap, Percent, Range, Scalar, Segment, Serve, Test, Variant};

impl Definition {
    /// The definition with its key: what was read, with defaults filled in (`enabled`, `default`, `off`) and in one
    /// spelling (`not_equals` is `equals` and `not`, a list of one value is `equals`).
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut map = Map::new();
        let mut put = |name: &str, value: Value| map.insert(name.to_owned(), value);
        put("key", json!(self.key));
        if !self.description.is_empty() {
            put("description", json!(self.description));
        }
        put("enabled", json!(self.enabled));
        if !self.has_standard_variants() {
            let variants =
                self.variants.iter().map(|variant| (variant.name.to_string(), variant.value.clone()));
            put("variants", Value::Object(variants.collect()));
        }
        put("default", json!(self.default_variant().name));
        put("off", json!(self.off_variant().name));
        if !matches!(self.serve, Serve::Variant(_)) {
            let (way, value) = serve(&self.serve, &self.variants);
            put(way, value);
        }
        if let Some(salt) = &self.salt {
            put("salt", json!(salt));
        }
        if !self.segments.is_empty() {
            put("segments", self.segments.iter().map(|one| segment(one, &self.variants)).collect());
        }
        if self.overlap == Overlap::First {
            put("overlap", json!("first"));
        }
        if !self.prerequisites.is_empty() {
            let all =
                self.prerequisites.iter().map(|one| json!({ "flag": one.flag, "variant": one.variant }));
            put("prerequisites", all.collect());
        }
        if !self.metadata.is_empty() {
            put("metadata", Value::Object(self.metadata.iter().cloned().collect()));
        }
        Value::Object(map)
    }

    fn has_standard_variants(&self) -> bool {
        let standard = |name: &str, value: bool| {
            self.variant(name).is_some_and(|variant| self.variants[variant].value == Value::Bool(value))
        };
        self.kind == Kind::Boolean
            && self.variants.len() == 2
            && standard("on", true)
            && standard("off", false)
    }
}

/// The key that says who gets what, and its value.
fn serve(serve: &Serve, variants: &[Variant]) -> (&'static str, Value) {
    let name = |variant: usize| json!(variants[variant].name);
    match serve {
        Serve::Variant(variant) => ("variant", name(*variant)),
        Serve::Percent { percent, .. } => ("percent", written(*percent)),
        Serve::Split(split) => {
            let shares = split.shares().iter();
            let shares = shares
                .map(|share| json!({ "variant": name(share.variant), "percent": written(share.percent) }));
            ("split", shares.collect())
        }
    }
}

fn written(percent: Percent) -> Value {
    Value::String(percent.to_string())
}

fn segment(segment: &Segment, variants: &[Variant]) -> Value {
    let (way, value) = serve(&segment.serve, variants);
    let when = segment.when.iter().map(condition).collect::<Value>();
    let mut map = Map::new();
    map.insert("name".to_owned(), json!(segment.name));
    map.insert("when".to_owned(), when);
    map.insert(way.to_owned(), value);
    Value::Object(map)
}

fn condition(condition: &Condition) -> Value {
    let (name, value) = match &condition.test {
        Test::OneOf(values) => match &**values {
            [only] => ("equals", only.to_json()),
            values => ("in", values.iter().map(Scalar::to_json).collect()),
        },
        Test::Prefix(prefix) => ("prefix", json!(prefix)),
        Test::Suffix(suffix) => ("suffix", json!(suffix)),
        Test::Semver(versions) => ("semver", json!(versions.to_string())),
        Test::Range(bounds) => ("range", range(bounds)),
        Test::Exists(wanted) => ("exists", json!(wanted)),
    };
    let mut map = Map::new();
    map.insert("attribute".to_owned(), json!(condition.attribute));
    map.insert(name.to_owned(), value);
    if condition.not {
        map.insert("not".to_owned(), json!(true));
    }
    Value::Object(map)
}

fn range(range: &Range) -> Value {
    let bounds = [("from", range.from), ("to", range.to)];
    let bounds = bounds.into_iter().filter_map(|(name, bound)| Some((name.to_owned(), bound?.to_json())));
    Value::Object(bounds.collect())
}
