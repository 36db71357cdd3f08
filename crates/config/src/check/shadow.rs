//! How the two sides of a unit are compared.

use std::time::Duration;

use banyan_compare::{Rule, RuleFault, RuleKind, Rules};
use banyan_flags::Percent;

use super::{
    route,
    rules::{alone, distinct, needs},
    text::{
        Verbatim, header::ComparedField, json_path::ComparedPath, json_pointer::DocumentPointer, name::Name,
        rise::Rise,
    },
    world::World,
};
use crate::{
    plan::{Shadow, UpstreamId},
    read::{Fields, FromText as _},
    report::{Read, Reported, shown},
    source::{Span, Spanned},
};

/// Keys that say how values are compared, each a rule of its own.
const KINDS: [&str; 6] = ["type_only", "set_by", "tolerance", "skew", "ids", "normalise"];
const SPLIT_RULE: &str = "make two rules of it, one for each";

/// `writes` says whether a route of the unit writes.
pub(super) fn read(fields: &Fields<'_>, writes: bool, world: World<'_>) -> Read<Shadow> {
    let (sample, again, redact) = (fields.get("sample"), fields.get("again"), fields.get("redact"));
    let writes_to = writes_to(fields, writes, world);
    let pause_above = fields.text::<Rise>("pause_above").map(|rise| rise.value.ratio());
    let (headers, all_headers) = fields.texts::<ComparedField>("headers");
    let hint = "header field names are the same in upper and lower case";
    let headers = distinct(headers, "the header field stands twice", hint, fields.problems());
    let (ignored, all_ignored) = fields.texts::<ComparedPath>("ignore");
    let given = rules(fields);
    let rules = all_ignored.and(given).and_then(|given| {
        let ignored = ignored.iter().map(|path| {
            let rule = Rule { path: path.value.pattern.clone(), kind: RuleKind::Ignore };
            Spanned { value: rule, span: path.span }
        });
        build(ignored.chain(given).collect(), fields)
    });
    let headers = all_headers.and(headers)?.into_iter().map(|ComparedField(name)| name).collect::<Vec<_>>();
    let names = headers.iter().map(ToString::to_string).collect::<Vec<_>>();
    let rules = rules?.with_fields(&names).map_err(|error| {
        let span = fields.place("headers").unwrap_or(fields.span());
        fields.problems().add(span, error.to_string(), Some("compare fewer header fields".to_owned()))
    })?;
    Ok(Shadow {
        sample: sample?,
        again: again?,
        pause_above: pause_above?,
        writes_to: writes_to?,
        headers,
        ignore: ignored.into_iter().map(|path| path.value.text).collect(),
        rules,
        redact: redact?,
    })
}

/// The upstream that gets copies of what writes.
fn writes_to(fields: &Fields<'_>, writes: bool, world: World<'_>) -> Read<Option<UpstreamId>> {
    let Some(name) = fields.maybe::<String>("writes_to")? else { return Ok(None) };
    let problems = fields.problems();
    let id = route::upstream(&name, world.upstreams.map(|known| &known.names), problems)?;
    if world.is_isolated(id) == Some(false) {
        let message = format!(
            "copies of writes would reach upstream '{}', which is not isolated: everything would be done twice",
            name.value
        );
        let hint = "write 'isolated: true' in that upstream if nothing that is written there reaches anybody";
        return Err(problems.add(name.span, message, Some(hint.to_owned())));
    }
    if !writes {
        let hint = "remove it, or say 'effect: write' on the routes that write".to_owned();
        problems.warn(name.span, "'writes_to' gets nothing: no route of the unit writes", Some(hint));
    }
    Ok(Some(id))
}

/// The rules that can be read, if that is all of them.
fn rules(fields: &Fields<'_>) -> Read<Vec<Spanned<Rule>>> {
    let (entries, mut whole) = fields.objects("rules");
    let mut rules = Vec::with_capacity(entries.len());
    for entry in entries {
        match rule(entry) {
            Ok(rule) => rules.push(rule),
            Err(reported) => whole = Err(reported),
        }
    }
    whole.map(|()| rules)
}

fn rule(fields: &Fields<'_>) -> Read<Spanned<Rule>> {
    let path = fields.text::<ComparedPath>("path");
    let kind = kind(fields);
    needs(fields, "with", "normalise", "what is replaced");
    let (path, Spanned { value: kind, span }) = (path?, kind?);
    let rule = Rule { path: path.value.pattern, kind };
    // By itself first: so that of several rules all are told that cannot be.
    match Rules::build(vec![rule.clone()]) {
        Ok(_) => Ok(Spanned { value: rule, span }),
        Err(error) => Err(refuse(&error.reason, span, fields)),
    }
}

/// How values are compared, and where that is said.
fn kind(fields: &Fields<'_>) -> Read<Spanned<RuleKind>> {
    let type_only = fields.maybe::<bool>("type_only");
    let set_by = fields.maybe_text::<DocumentPointer>("set_by");
    let (absolute, relative) = (fields.maybe::<f64>("tolerance"), fields.maybe::<Percent>("relative"));
    let skew = fields.maybe::<Duration>("skew");
    let ids = fields.maybe::<String>("ids").and_then(|name| class(name, fields));
    let (regex, with) = (fields.maybe_text::<Verbatim>("normalise"), fields.maybe_text::<Verbatim>("with"));
    one_of_them(fields)?;
    let kind = if let Some(Spanned { value: true, span }) = type_only? {
        Some((RuleKind::TypeOnly, span))
    } else if let Some(Spanned { value: DocumentPointer(key), span }) = set_by? {
        Some((RuleKind::SetBy { key }, span))
    } else if let Some(kind) = tolerance(absolute?, relative?) {
        Some(kind)
    } else if let Some(Spanned { value, span }) = skew? {
        Some((RuleKind::Skew(value), span))
    } else if let Some(Spanned { value: class, span }) = ids? {
        Some((RuleKind::Ids { class }, span))
    } else if let Some(Spanned { value: Verbatim(regex), span }) = regex? {
        let with = with?.map(|with| with.value.0).unwrap_or_default();
        Some((RuleKind::Normalise { regex, with }, span))
    } else {
        None
    };
    kind.map(|(value, span)| Spanned { value, span }).ok_or_else(|| {
        let hint =
            format!("write {} or relative; a path that may differ belongs under 'ignore'", KINDS.join(", "));
        fields.problems().add(fields.span(), "the rule does not say how values are compared", Some(hint))
    })
}

/// Refuses two ways of comparing in one rule.
fn one_of_them(fields: &Fields<'_>) -> Read<()> {
    let mut whole = Ok(());
    for (index, &key) in KINDS.iter().enumerate() {
        whole = alone(fields, key, &KINDS[index + 1..], SPLIT_RULE).and(whole);
        if key != "tolerance" {
            whole = alone(fields, key, &["relative"], SPLIT_RULE).and(whole);
        }
    }
    whole
}

fn tolerance(absolute: Option<Spanned<f64>>, relative: Option<Spanned<Percent>>) -> Option<(RuleKind, Span)> {
    let span =
        absolute.as_ref().map(|absolute| absolute.span).or(relative.as_ref().map(|share| share.span))?;
    let kind = RuleKind::Tolerance {
        absolute: absolute.map_or(0.0, |absolute| absolute.value),
        relative: relative.map_or(0.0, |share| share.value.ratio()),
    };
    Some((kind, span))
}

fn class(name: Option<Spanned<String>>, fields: &Fields<'_>) -> Read<Option<Spanned<String>>> {
    let Some(name) = name else { return Ok(None) };
    match Name::from_text(&name.value) {
        Ok(Name) => Ok(Some(name)),
        Err(complaint) => {
            let message = format!("ids is {}: {}", shown(&name.value), complaint.message);
            Err(fields.problems().add(name.span, message, complaint.hint))
        }
    }
}

/// All rules together.
fn build(rules: Vec<Spanned<Rule>>, fields: &Fields<'_>) -> Read<Rules> {
    let spans = rules.iter().map(|rule| rule.span).collect::<Vec<_>>();
    Rules::build(rules.into_iter().map(|rule| rule.value).collect()).map_err(|error| {
        refuse(&error.reason, spans.get(error.index).copied().unwrap_or(fields.span()), fields)
    })
}

fn refuse(fault: &RuleFault, span: Span, fields: &Fields<'_>) -> Reported {
    let (message, hint) = match fault {
        // The last line says what; those before show where, with signs that only a terminal would put in place.
        RuleFault::Regex(why) => {
            let why = why.lines().last().unwrap_or_default().trim_start_matches("error: ");
            (format!("the regular expression cannot be used: {why}"), "the syntax is that of docs.rs/regex")
        }
        fault => (fault.to_string(), "docs/comparing.md says what each rule does"),
    };
    fields.problems().add(span, message, Some(hint.to_owned()))
}
