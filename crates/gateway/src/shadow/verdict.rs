//! What the answers to one request say about the two sides: for the report, and for the judge of a rollout.

use std::{borrow::Cow, sync::PoisonError};

use banyan_compare::{Mismatch, Moment, Reply, Request, System, Triple};
use banyan_rollout::{
    Sides, Source,
    judge::{Compared, Contents, Count},
};
use banyan_state::shadow::DropReason;
use http::{HeaderMap, HeaderName};

use super::{
    coding::{codings, decode},
    tap::Job,
    target::{Answered, Asked},
};
use crate::{
    judging::{About, now},
    outcome::Ending,
    stages::{decide::Side, shadow::named},
};

/// Compares, and takes what is found into the report. `None` when the control was not asked again, or said nothing.
///
/// # Errors
/// Why the contents cannot be told: it is compressed in a way that is not known, or too large.
pub(super) fn compare(
    job: &Job,
    other: &Answered,
    again: Option<&Asked>,
    most: usize,
) -> Result<Option<Mismatch>, DropReason> {
    let again = again.and_then(|again| again.as_ref().ok());
    let content = |answered: &Answered| {
        decode(Cow::Borrowed(&answered.body[..]), &codings(&answered.parts.headers), most)
            .map(Cow::into_owned)
    };
    let live_body = decode(Cow::Owned(job.answer.concat()), &job.codings, most)?;
    let (other_body, again_body) = (content(other)?, again.map(content).transpose()?);
    let wanted = job.unit.rules.fields();
    let [other_named, again_named] = [Some(other), again]
        .map(|answered| answered.map_or_else(Vec::new, |it| named(&it.parts.headers, wanted)));
    let [live_fields, other_fields, again_fields] =
        [&job.named, &other_named, &again_named].map(|it| borrowed(it));
    let triple = Triple {
        control: Reply { status: job.status, fields: &live_fields, body: &live_body },
        again: again.zip(again_body.as_deref()).map(|(again, body)| reply(again, &again_fields, body)),
        candidate: reply(other, &other_fields, &other_body),
    };
    let system = match job.side {
        Side::Legacy => System::Legacy,
        Side::Replacement => System::Replacement,
    };
    let compared = {
        let mut ids = job.unit.ids.lock().unwrap_or_else(PoisonError::into_inner);
        triple.compare(&job.unit.rules, &mut ids, system)
    };
    let sent = sent(job.fields.sent());
    let (base, route) = (base(job), format!("{} {}", job.method, job.label));
    let request = Request {
        method: job.method.as_str(),
        base: &base,
        target: &job.target,
        fields: &sent,
        body: job.body.len() as u64,
        route: &route,
        trace_id: std::str::from_utf8(&job.trace).unwrap_or_default(),
    };
    let stage = u32::from(job.unit.live.percent().basis_points());
    let moment = Moment { at: now().0, stage, redact: job.unit.redact };
    Ok(job.unit.live.with_shadow(|report| report.record(&compared, &request, moment)))
}

/// Tells the judge of the two answers that the shadow itself asked for: they had the same chance to fail, whatever became
/// of the answer that the client got.
pub(super) fn tell(job: &Job, other: &Asked, again: &Asked, contents: Option<Mismatch>) {
    let (Some(other_failed), Some(again_failed)) = (has_failed(other), has_failed(again)) else { return };
    let ((candidate_failed, control_failed), candidate) = match job.side {
        Side::Legacy => ((other_failed, again_failed), other),
        Side::Replacement => ((again_failed, other_failed), again),
    };
    let compared = Compared {
        route: job.number,
        answers: Sides { candidate: one(candidate_failed), control: one(control_failed) },
        contents: contents.map(|it| Contents { other_only: it.candidate_only, again_only: it.control_only }),
        subject: job.subject,
    };
    let about = About {
        route: job.label.clone(),
        status: candidate.as_ref().map_or(0, |answered| answered.parts.status.as_u16()),
        ending: match candidate {
            Err(lost) if lost.reason == DropReason::Timeout => Ending::FirstByteTimeout,
            Err(_) => Ending::Reset,
            Ok(_) => Ending::Ok,
        },
        trace: job.trace,
    };
    let _judged = job.unit.live.with_judge(|judge| {
        if let Some(metric) = judge.compare(&compared, now()).first() {
            judge.exhibit(about.exhibit(metric, Source::Pair, None));
        }
    });
}

fn one(failed: bool) -> Count {
    Count { failures: u64::from(failed), of: 1 }
}

/// Whether a side failed at a copy; `None` when that is not known.
fn has_failed(asked: &Asked) -> Option<bool> {
    match asked {
        Ok(answered) => Some(answered.parts.status.is_server_error()),
        Err(lost) => matches!(lost.reason, DropReason::Timeout | DropReason::Failed).then_some(true),
    }
}

fn reply<'a>(answered: &Answered, fields: &'a [(&'a str, &'a [u8])], body: &'a [u8]) -> Reply<'a> {
    Reply { status: answered.parts.status.as_u16(), fields, body }
}

fn borrowed(fields: &[(String, Vec<u8>)]) -> Vec<(&str, &[u8])> {
    fields.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect()
}

fn sent(headers: &HeaderMap) -> Vec<(&str, &[u8])> {
    headers.iter().map(|(name, value): (&HeaderName, _)| (name.as_str(), value.as_bytes())).collect()
}

/// Where the other side can be asked by hand.
fn base(job: &Job) -> String {
    let Some(endpoint) = job.upstream.config.endpoints.first() else { return String::new() };
    let scheme = if endpoint.tls { "https" } else { "http" };
    let host =
        if endpoint.host.contains(':') { format!("[{}]", endpoint.host) } else { endpoint.host.clone() };
    format!("{scheme}://{host}:{}", endpoint.port)
}
