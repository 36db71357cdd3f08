//! The services behind the gateway.

use std::{collections::HashMap, path::Path, time::Duration};

use super::{
    chaos::{self, Subjects},
    names::Names,
    policy,
    rules::ordered,
    text::{file::FilePath, url::UrlPath},
    valid_if,
    world::{Ground, Known, TimeLimits},
};
use crate::{
    plan::{
        Breaker, Chaos, Concurrency, Eject, Endpoint, File, Health, Hedge, HostField, Protocol, Retry,
        Throttle, Upstream, ValidIf,
    },
    read::{Fields, Named, Switch},
    report::Read,
    source::{Span, Spanned},
};

/// Every upstream, and what is known of them even when some could not be read.
pub(super) fn all(root: &Fields<'_>, ground: Ground<'_>) -> (Read<Known>, Read<Vec<Upstream>>) {
    let entries = match root.named("upstreams") {
        Ok(entries) => entries,
        Err(reported) => return (Err(reported), Err(reported)),
    };
    let (names, good) = Names::new("an upstream", entries.iter().map(|entry| &entry.name), root.problems());
    let upstreams = entries
        .iter()
        .map(|Named { name, value }| upstream(&name.value, (*value)?, ground))
        .collect::<Vec<_>>();
    let limits = entries.iter().map(|Named { value, .. }| time_limits((*value).ok()?)).collect();
    let isolated = entries.iter().map(|Named { value, .. }| (*value).ok()?.get("isolated").ok()).collect();
    (Ok(Known { names, limits, isolated }), good.and_then(|()| upstreams.into_iter().collect()))
}

/// The time limits that routes go by, if they could be read.
fn time_limits(fields: &Fields<'_>) -> Option<TimeLimits> {
    Some(TimeLimits { timeout: fields.placed("timeout").ok()?, deadline: fields.placed("deadline").ok()? })
}

fn upstream(name: &str, fields: &Fields<'_>, ground: Ground<'_>) -> Read<Upstream> {
    let (endpoints, whole) = endpoints(fields);
    // Of endpoints that could not be read, some may be https.
    let ca = ca(fields, ground.base, whole.is_ok().then_some(endpoints.as_slice()));
    let health = fields.maybe_object("health").and_then(|fields| fields.map(health).transpose());
    let eject = fields.object("eject").and_then(eject);
    let (timeout, deadline) = ordered(fields, "timeout", "deadline");
    let policies = policies(fields, timeout, deadline, ground);
    whole?;
    let policies = policies?;
    Ok(Upstream {
        name: name.into(),
        endpoints: endpoints.into_iter().map(|endpoint| endpoint.value).collect(),
        isolated: fields.get("isolated")?,
        protocol: match fields.get("protocol")? {
            "http1" => Protocol::Http1,
            "http2" => Protocol::Http2,
            _ => Protocol::Auto,
        },
        ca: ca?,
        host: match fields.get("host")? {
            "endpoint" => HostField::Endpoint,
            _ => HostField::Preserve,
        },
        health: health?,
        eject: eject?,
        connect: fields.get("connect")?,
        timeout: timeout?,
        deadline: deadline?,
        idle: fields.get("idle")?,
        whole: fields.maybe("whole")?.map(|whole| whole.value),
        keep_alive: fields.get("keep_alive")?,
        idle_connections: fields.get("idle_connections")?,
        retry: policies.retry,
        breaker: policies.breaker,
        concurrency: policies.concurrency,
        hedge: policies.hedge,
        valid_if: policies.valid_if,
        throttle: policies.throttle,
        chaos: policies.chaos,
    })
}

/// The keys of an upstream that say how it is called, each read whatever is wrong with the others.
struct Policies {
    retry: Option<Retry>,
    breaker: Option<Breaker>,
    concurrency: Option<Concurrency>,
    hedge: Option<Hedge>,
    valid_if: Option<ValidIf>,
    throttle: Option<Throttle>,
    chaos: Option<Chaos>,
}

fn policies(
    fields: &Fields<'_>,
    timeout: Read<Duration>,
    deadline: Read<Duration>,
    ground: Ground<'_>,
) -> Read<Policies> {
    let retry = policy_of(fields, "retry", policy::retry);
    let breaker = policy_of(fields, "breaker", |fields| policy::breaker(fields, timeout, deadline));
    let concurrency = policy_of(fields, "concurrency", policy::concurrency);
    let hedge = policy_of(fields, "hedge", |fields| policy::hedge(fields, timeout.ok()));
    let valid_if = policy_of(fields, "valid_if", |fields| valid_if::read(fields, ground.base));
    let throttle = policy_of(fields, "throttle", policy::throttle);
    let chaos = policy_of(fields, "chaos", |fields| chaos::read(fields, ground, Subjects::Some));
    Ok(Policies {
        retry: retry?,
        breaker: breaker?,
        concurrency: concurrency?,
        hedge: hedge?,
        valid_if: valid_if?,
        throttle: throttle?,
        chaos: chaos?,
    })
}

fn policy_of<'p, T>(
    fields: &Fields<'p>,
    key: &'static str,
    read: impl FnOnce(&Fields<'p>) -> Read<T>,
) -> Read<Option<T>> {
    fields.switch(key)?.read(read).map(Switch::on)
}

/// The readable endpoints, and whether that is all of them.
fn endpoints(fields: &Fields<'_>) -> (Vec<Spanned<Endpoint>>, Read<()>) {
    let (endpoints, mut whole) = fields.texts::<Endpoint>("endpoints");
    let mut seen: HashMap<&Endpoint, Span> = HashMap::new();
    for Spanned { value, span } in &endpoints {
        if let Some(first) = seen.get(value) {
            let hint =
                Some("remove one: an endpoint that stands twice would get twice the requests".to_owned());
            let related = (*first, "first defined here");
            whole = Err(fields.problems().add_related(*span, "the endpoint stands twice", hint, related));
        } else {
            seen.insert(value, *span);
        }
    }
    (endpoints, whole)
}

fn ca(fields: &Fields<'_>, base: &Path, endpoints: Option<&[Spanned<Endpoint>]>) -> Read<Option<File>> {
    let Some(tls) = fields.maybe_object("tls")? else { return Ok(None) };
    let ca = tls.text::<FilePath>("ca")?;
    if endpoints.is_some_and(|endpoints| endpoints.iter().all(|endpoint| !endpoint.value.tls)) {
        let message = format!("{} has TLS settings, but no endpoint is https", fields.what());
        let hint = "write https:// endpoints, or remove 'tls'".to_owned();
        return Err(fields.problems().add(ca.span, message, Some(hint)));
    }
    Ok(Some(ca.placed(base)))
}

fn health(fields: &Fields<'_>) -> Read<Health> {
    let path = fields.text::<UrlPath>("path");
    let (timeout, every) = ordered(fields, "timeout", "every");
    Ok(Health {
        path: path?.value.0,
        every: every?,
        timeout: timeout?,
        unhealthy_after: fields.get("unhealthy_after")?,
        healthy_after: fields.get("healthy_after")?,
    })
}

fn eject(fields: &Fields<'_>) -> Read<Eject> {
    let (base, max) = ordered(fields, "base", "max");
    Ok(Eject { errors: fields.get("errors")?, base: base?, max: max? })
}
