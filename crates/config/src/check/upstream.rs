//! The services behind the gateway.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use super::{
    names::Names,
    text::{file::FilePath, url::UrlPath},
};
use crate::{
    plan::{Eject, Endpoint, Health, HostField, Protocol, Upstream},
    read::{Fields, Named},
    report::Read,
    source::{Span, Spanned},
};

/// Every upstream, and their names even when some could not be read.
pub(super) fn all(root: &Fields<'_>, base: &Path) -> (Read<Names>, Read<Vec<Upstream>>) {
    let entries = match root.named("upstreams") {
        Ok(entries) => entries,
        Err(reported) => return (Err(reported), Err(reported)),
    };
    let (names, good) = Names::new("an upstream", entries.iter().map(|entry| &entry.name), root.problems());
    let upstreams = entries
        .iter()
        .map(|Named { name, value }| upstream(&name.value, (*value)?, base))
        .collect::<Vec<_>>();
    (Ok(names), good.and_then(|()| upstreams.into_iter().collect()))
}

fn upstream(name: &str, fields: &Fields<'_>, base: &Path) -> Read<Upstream> {
    let (endpoints, whole) = endpoints(fields);
    // Of endpoints that could not be read, some may be https.
    let ca = ca(fields, base, whole.is_ok().then_some(endpoints.as_slice()));
    let health = fields.maybe_object("health").and_then(|fields| fields.map(health).transpose());
    let eject = fields.object("eject").and_then(eject);
    let (timeout, deadline) = ordered(fields, "timeout", "deadline");
    whole?;
    Ok(Upstream {
        name: name.into(),
        endpoints: endpoints.into_iter().map(|endpoint| endpoint.value).collect(),
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
    })
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

fn ca(fields: &Fields<'_>, base: &Path, endpoints: Option<&[Spanned<Endpoint>]>) -> Read<Option<PathBuf>> {
    let Some(tls) = fields.maybe_object("tls")? else { return Ok(None) };
    let ca = tls.text::<FilePath>("ca")?;
    if endpoints.is_some_and(|endpoints| endpoints.iter().all(|endpoint| !endpoint.value.tls)) {
        let message = format!("{} has TLS settings, but no endpoint is https", fields.what());
        let hint = "write https:// endpoints, or remove 'tls'".to_owned();
        return Err(fields.problems().add(ca.span, message, Some(hint)));
    }
    Ok(Some(ca.value.below(base)))
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

/// Two durations of which the first may not be the longer one.
fn ordered(
    fields: &Fields<'_>,
    short: &'static str,
    long: &'static str,
) -> (Read<std::time::Duration>, Read<std::time::Duration>) {
    let (a, b) = (fields.placed::<std::time::Duration>(short), fields.placed::<std::time::Duration>(long));
    if let (Ok(a), Ok(b)) = (&a, &b)
        && a.value > b.value
    {
        let text = crate::language::duration_text;
        let message = format!("'{short}' ({}) is longer than '{long}' ({})", text(a.value), text(b.value));
        let hint = format!("lower '{short}' or raise '{long}'");
        // The one that was written: a default stands at the start of the section.
        fields.problems().add(a.span.max(b.span), message, Some(hint));
    }
    (a.map(|a| a.value), b.map(|b| b.value))
}
