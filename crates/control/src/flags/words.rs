//! A flag in a few words, for lines of the audit log, the timeline and tables.

use banyan_flags::{Definition, Serve};

/// Shares of a split that are named.
const SHOWN: usize = 4;

/// What it serves, such as `5%`, `'old'`, `a 30%, b 70%`, `5%, 2 segments` or `off`.
pub(crate) fn brief(definition: &Definition) -> String {
    if !definition.enabled() {
        return "off".to_owned();
    }
    let name = |variant: usize| definition.variants().get(variant).map_or("", |variant| &*variant.name);
    let mut said = match definition.serve() {
        Serve::Variant(variant) => format!("'{}'", name(*variant)),
        Serve::Percent { percent, .. } => percent.to_string(),
        Serve::Split(split) => {
            let shares = split.shares().iter().take(SHOWN);
            let shares: Vec<_> =
                shares.map(|share| format!("{} {}", name(share.variant), share.percent)).collect();
            let more = if split.shares().len() > SHOWN { ", ..." } else { "" };
            format!("{}{more}", shares.join(", "))
        }
    };
    for (count, one, many) in [
        (definition.segments().len(), "segment", "segments"),
        (definition.prerequisites().len(), "prerequisite", "prerequisites"),
    ] {
        match count {
            0 => {}
            1 => said.push_str(&format!(", 1 {one}")),
            count => said.push_str(&format!(", {count} {many}")),
        }
    }
    said
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_flag_in_a_few_words() {
        for (definition, said) in [
            (json!({}), "'off'"),
            (json!({ "percent": "5%" }), "5%"),
            (json!({ "percent": "5%", "enabled": false }), "off"),
            (json!({ "variants": { "a": "x", "b": "y" }, "default": "a" }), "'a'"),
            (
                json!({
                    "variants": { "a": "x", "b": "y" },
                    "split": [{ "variant": "a", "percent": "30%" }, { "variant": "b", "percent": "70%" }],
                    "segments": [{ "name": "s", "when": [{ "attribute": "c", "equals": "d" }], "variant": "a" }],
                    "prerequisites": [{ "flag": "x", "variant": "on" }, { "flag": "y", "variant": "on" }]
                }),
                "a 30%, b 70%, 1 segment, 2 prerequisites",
            ),
        ] {
            let read = Definition::read_as("f", &definition).unwrap();
            assert_eq!(brief(&read), said, "{definition}");
        }
    }
}
