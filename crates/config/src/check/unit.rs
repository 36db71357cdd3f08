//! Units of migration.

use std::{collections::HashMap, sync::Arc};

use super::{
    names::Names,
    route::{self, Draft},
    text::{json_path::JsonPath, salt::Salt},
    world::World,
};
use crate::{
    plan::{Shadow, SubjectSource, Target, Unit, UnitId, UpstreamId},
    read::{Fields, Named},
    report::Read,
    source::{Span, Spanned},
};

/// Every unit, the routes of all of them, and whether those are all the routes there are.
pub(super) fn all(root: &Fields<'_>, world: World<'_>) -> (Read<Vec<Unit>>, Vec<Draft>, Read<()>) {
    let entries = match root.named("units") {
        Ok(entries) => entries,
        Err(reported) => return (Err(reported), Vec::new(), Err(reported)),
    };
    let (_, good) = Names::new("a unit", entries.iter().map(|entry| &entry.name), root.problems());
    let (mut drafts, mut whole, mut units) = (Vec::new(), Ok(()), Vec::with_capacity(entries.len()));
    let mut salts = HashMap::new();
    for (index, Named { name, value }) in entries.iter().enumerate() {
        let unit = value.and_then(|fields| {
            let sides = sides(fields, world.upstreams.map(|known| &known.names));
            let asked = sides.map_or(Vec::new(), |(legacy, replacement)| vec![legacy, replacement]);
            let (routes, all) = route::of_unit(fields, Target::Unit(UnitId(index)), &asked, world);
            drafts.extend(routes);
            whole = whole.and(all);
            unit(name, fields, sides, &mut salts)
        });
        units.push(unit);
    }
    (good.and_then(|()| units.into_iter().collect()), drafts, whole)
}

fn unit(
    name: &Spanned<String>,
    fields: &Fields<'_>,
    sides: Read<(UpstreamId, UpstreamId)>,
    salts: &mut HashMap<String, Span>,
) -> Read<Unit> {
    let salt = salt(name, fields, salts);
    let subject = subject(fields);
    let shadow = fields.maybe_object("shadow").and_then(|fields| fields.map(shadow).transpose());
    let (percent, side_header) = (fields.get("percent"), fields.get("side_header"));
    let fallback = fields.get::<&'static str>("fallback");
    let (legacy, replacement) = sides?;
    Ok(Unit {
        name: Arc::from(name.value.as_str()),
        legacy,
        replacement,
        percent: percent?,
        salt: Arc::from(salt?),
        subject: subject?,
        fallback: fallback? == "legacy",
        shadow: shadow?,
        side_header: side_header?,
    })
}

fn sides(fields: &Fields<'_>, upstreams: Option<&Names>) -> Read<(UpstreamId, UpstreamId)> {
    let legacy = side(fields, "legacy", upstreams);
    let replacement = side(fields, "replacement", upstreams);
    let (legacy, replacement) = (legacy?, replacement?);
    if legacy.value == replacement.value {
        let message = format!("both sides of {} are the same upstream", fields.what());
        let hint =
            Some("a unit moves from one upstream to another; without a move, write a route".to_owned());
        return Err(fields.problems().add_related(
            replacement.span,
            message,
            hint,
            (legacy.span, "the other side"),
        ));
    }
    Ok((legacy.value, replacement.value))
}

fn side(fields: &Fields<'_>, key: &'static str, upstreams: Option<&Names>) -> Read<Spanned<UpstreamId>> {
    let name = fields.placed::<String>(key)?;
    route::upstream(&name, upstreams, fields.problems()).map(|value| Spanned { value, span: name.span })
}

fn salt(name: &Spanned<String>, fields: &Fields<'_>, salts: &mut HashMap<String, Span>) -> Read<String> {
    let salt = match fields.maybe_text::<Salt>("salt")? {
        Some(salt) => Spanned { value: salt.value.0, span: salt.span },
        None => name.clone(),
    };
    if let Some(first) = salts.get(&salt.value) {
        let message = format!(
            "{} has the same salt as another unit: their subjects would move together",
            fields.what()
        );
        let hint = Some("give one of them a salt of its own".to_owned());
        return Err(fields.problems().add_related(salt.span, message, hint, (*first, "the other salt")));
    }
    salts.insert(salt.value.clone(), salt.span);
    Ok(salt.value)
}

fn subject(fields: &Fields<'_>) -> Read<Vec<SubjectSource>> {
    let mut sources: Vec<Spanned<SubjectSource>> = Vec::new();
    let (found, mut whole) = fields.texts::<SubjectSource>("subject");
    for source in found {
        match sources.iter().find(|known| known.value == source.value) {
            None => sources.push(source),
            Some(first) => {
                let hint = Some("remove it: the first one decides".to_owned());
                let related = (first.span, "first defined here");
                whole = Err(fields.problems().add_related(
                    source.span,
                    "the subject source stands twice",
                    hint,
                    related,
                ));
            }
        }
    }
    whole.map(|()| sources.into_iter().map(|source| source.value).collect())
}

fn shadow(fields: &Fields<'_>) -> Read<Shadow> {
    let (ignore, whole) = fields.texts::<JsonPath>("ignore");
    let (sample, redact) = (fields.get("sample"), fields.get("redact"));
    whole?;
    Ok(Shadow {
        sample: sample?,
        ignore: ignore.into_iter().map(|path| path.value.0).collect(),
        redact: redact?,
    })
}
