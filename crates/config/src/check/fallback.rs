//! Substitutes for a call that failed.

use bytes::Bytes;
use http::HeaderValue;

use super::{
    headers, route,
    rules::alone,
    text::{Verbatim, media_type::ContentType},
    world::World,
};
use crate::{
    plan::{Effect, FallbackAnswer, RouteFallback, UpstreamId},
    read::Fields,
    report::Read,
    source::Span,
};

/// The substitutes of a route, in order.
///
/// `effect` is `None` when it could not be read; `asked` are the upstreams that the route asks anyway.
pub(super) fn all(
    route: &Fields<'_>,
    effect: Option<Effect>,
    asked: &[UpstreamId],
    world: World<'_>,
) -> Read<Vec<RouteFallback>> {
    let (entries, mut whole) = route.objects("fallback");
    let mut found = Vec::<(RouteFallback, Span)>::with_capacity(entries.len());
    for fields in entries {
        match one(fields, effect, asked, world).and_then(|fallback| reachable(fallback, fields, &found)) {
            Ok(fallback) => found.push((fallback, fields.span())),
            Err(reported) => whole = Err(reported),
        }
    }
    whole.map(|()| found.into_iter().map(|(fallback, _)| fallback).collect())
}

fn one(
    fields: &Fields<'_>,
    effect: Option<Effect>,
    asked: &[UpstreamId],
    world: World<'_>,
) -> Read<RouteFallback> {
    let hint = "a fallback is another upstream, or an answer: make two entries of it";
    let chosen = alone(fields, "to", &["status", "json", "text", "content_type", "headers"], hint);
    if !fields.is_absent("to") {
        let to = upstream(fields, effect, asked, world);
        chosen?;
        return to.map(RouteFallback::Upstream);
    }
    answer(fields).map(RouteFallback::Answer)
}

fn upstream(
    fields: &Fields<'_>,
    effect: Option<Effect>,
    asked: &[UpstreamId],
    world: World<'_>,
) -> Read<UpstreamId> {
    let name = fields.placed::<String>("to")?;
    let to = route::upstream(&name, world.upstreams.map(|known| &known.names), fields.problems())?;
    if effect == Some(Effect::Write) {
        let message = "a write is sent once: it may have been done although it failed";
        let hint = "answer with 'status', or write 'effect: read' if the request changes nothing".to_owned();
        return Err(fields.problems().add(name.span, message, Some(hint)));
    }
    if asked.contains(&to) {
        let message = format!("the route asks '{}' anyway, and it has failed then", name.value);
        let hint = match asked {
            [_] => "name another upstream, or answer with 'status'",
            _ => "name another upstream; for legacy write 'fallback: legacy' on the unit",
        };
        return Err(fields.problems().add(name.span, message, Some(hint.to_owned())));
    }
    Ok(to)
}

/// Refuses what would never be tried.
fn reachable(
    fallback: RouteFallback,
    fields: &Fields<'_>,
    before: &[(RouteFallback, Span)],
) -> Read<RouteFallback> {
    let answer = before.iter().find(|(fallback, _)| matches!(fallback, RouteFallback::Answer(_)));
    if let Some((_, span)) = answer {
        let message = "this fallback is never reached: an answer cannot fail";
        let hint = Some("put it before the answer, or remove it".to_owned());
        return Err(fields.problems().add_related(fields.span(), message, hint, (*span, "the answer")));
    }
    if let Some((_, span)) = before.iter().find(|(known, _)| *known == fallback) {
        let message = "this fallback stands twice";
        let hint = Some("remove one of them".to_owned());
        return Err(fields.problems().add_related(
            fields.span(),
            message,
            hint,
            (*span, "first defined here"),
        ));
    }
    Ok(fallback)
}

fn answer(fields: &Fields<'_>) -> Read<FallbackAnswer> {
    let status = match fields.maybe::<u16>("status") {
        Ok(None) => {
            let hint = "write 'status: 200' and a body, or 'to', the name of an upstream".to_owned();
            Err(fields.problems().add(
                fields.span(),
                "neither 'status' nor 'to' says what this fallback is",
                Some(hint),
            ))
        }
        Ok(Some(status)) => Ok(status),
        Err(reported) => Err(reported),
    };
    let body = body(fields);
    let content_type = fields.maybe_text::<ContentType>("content_type");
    let headers = headers::of_answer(fields);
    let (status, body, content_type) = (status?, body?, content_type?);
    let Some((body, usual)) = body else {
        if let Some(content_type) = content_type {
            let hint = "write 'json' or 'text', or remove 'content_type'".to_owned();
            let message = "content_type says what the body is, and there is none";
            return Err(fields.problems().add(content_type.span, message, Some(hint)));
        }
        return Ok(FallbackAnswer {
            status: status.value,
            content_type: None,
            headers: headers?,
            body: Bytes::new(),
        });
    };
    if [204, 205, 304].contains(&status.value) {
        let message = format!("an answer with status {} has no body (RFC 9110 section 15)", status.value);
        let hint = "remove the body, or write 'status: 200'".to_owned();
        return Err(fields.problems().add(status.span, message, Some(hint)));
    }
    let content_type = content_type.map_or(HeaderValue::from_static(usual), |given| given.value.0);
    Ok(FallbackAnswer { status: status.value, content_type: Some(content_type), headers: headers?, body })
}

/// The body and what it usually is called.
fn body(fields: &Fields<'_>) -> Read<Option<(Bytes, &'static str)>> {
    let json = fields.maybe::<serde_json::Value>("json");
    let text = fields.maybe_text::<Verbatim>("text");
    alone(fields, "json", &["text"], "an answer has one body: remove one of them")?;
    if let Some(json) = json? {
        return Ok(Some((json.value.to_string().into(), "application/json")));
    }
    Ok(text?.map(|text| (text.value.0.into(), "text/plain; charset=utf-8")))
}
