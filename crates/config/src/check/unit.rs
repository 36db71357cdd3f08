//! Units of migration.

use std::{collections::HashMap, sync::Arc};

use banyan_flags::Percent;

use super::{
    authority,
    names::Names,
    rollout::{self, Facts},
    route::{self, Draft},
    rules::distinct,
    shadow,
    text::salt::Salt,
    world::World,
};
use crate::{
    plan::{Alert, SubjectSource, Target, Unit, UnitId, UpstreamId},
    read::{Fields, Named},
    report::Read,
    source::{Span, Spanned},
};

/// What units have in common.
#[derive(Clone, Copy)]
pub(super) struct Common<'a> {
    /// The file and its upstreams.
    pub(super) world: World<'a>,
    /// Who is told about rollouts.
    pub(super) alerts: &'a Read<Vec<Alert>>,
}

/// Every unit, the routes of all of them, and whether those are all the routes there are.
pub(super) fn all(root: &Fields<'_>, common: Common<'_>) -> (Read<Vec<Unit>>, Vec<Draft>, Read<()>) {
    let world = common.world;
    let entries = match root.named("units") {
        Ok(entries) => entries,
        Err(reported) => return (Err(reported), Vec::new(), Err(reported)),
    };
    let (_, good) = Names::new("a unit", entries.iter().map(|entry| &entry.name), root.problems());
    let (mut drafts, mut whole, mut units) = (Vec::new(), Ok(()), Vec::with_capacity(entries.len()));
    let mut salts = HashMap::new();
    for (index, Named { name, value }) in entries.iter().enumerate() {
        let unit = value.and_then(|fields| {
            let sides = sides(fields, world);
            let asked = sides.map_or(Vec::new(), |(legacy, replacement)| vec![legacy, replacement]);
            let (routes, all) = route::of_unit(fields, Target::Unit(UnitId(index)), &asked, world);
            let writes = routes.iter().any(Draft::writes);
            drafts.extend(routes);
            whole = whole.and(all);
            unit(Own { name, fields, sides, writes }, common, &mut salts)
        });
        units.push(unit);
    }
    (good.and_then(|()| units.into_iter().collect()), drafts, whole)
}

/// One unit, as far as it was read.
struct Own<'a, 'p> {
    name: &'a Spanned<String>,
    fields: &'a Fields<'p>,
    sides: Read<(UpstreamId, UpstreamId)>,
    /// Whether a route of it writes.
    writes: bool,
}

fn unit(own: Own<'_, '_>, common: Common<'_>, salts: &mut HashMap<String, Span>) -> Read<Unit> {
    let Own { name, fields, sides, writes } = own;
    let salt = salt(name, fields, salts);
    let subject = subject(fields);
    let authority = fields.object("authority").and_then(authority::read);
    let shadow = fields.maybe_object("shadow");
    let shadow =
        shadow.and_then(|fields| fields.map(|fields| shadow::read(fields, writes, common.world)).transpose());
    // Without a sample nothing is compared.
    let compares = shadow
        .as_ref()
        .map_or(true, |shadow| shadow.as_ref().is_some_and(|shadow| shadow.sample > Percent::ZERO));
    let (alerts, base) = (common.alerts, common.world.ground.base);
    let facts = Facts { what: fields.what(), authority, writes, compares, alerts, base };
    let rollout = fields.switch("rollout");
    let rollout = rollout.and_then(|switch| switch.read(|fields| rollout::read(fields, facts)));
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
        writes,
        authority: authority?,
        shadow: shadow?,
        rollout: rollout?.on(),
        side_header: side_header?,
    })
}

fn sides(fields: &Fields<'_>, world: World<'_>) -> Read<(UpstreamId, UpstreamId)> {
    let legacy = side(fields, "legacy", world);
    let replacement = side(fields, "replacement", world);
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

fn side(fields: &Fields<'_>, key: &'static str, world: World<'_>) -> Read<Spanned<UpstreamId>> {
    let name = fields.placed::<String>(key)?;
    let problems = fields.problems();
    let value = route::upstream(&name, world.upstreams.map(|known| &known.names), problems)?;
    if world.is_isolated(value) == Some(true) {
        let message =
            format!("upstream '{}' is isolated: what users write there would reach nobody", name.value);
        let hint = "name another upstream, or remove 'isolated' there".to_owned();
        return Err(problems.add(name.span, message, Some(hint)));
    }
    Ok(Spanned { value, span: name.span })
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
    let (found, whole) = fields.texts::<SubjectSource>("subject");
    let hint = "remove it: the first one decides";
    whole.and(distinct(found, "the subject source stands twice", hint, fields.problems()))
}
