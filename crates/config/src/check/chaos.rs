//! Faults made on purpose.

use std::time::Duration;

use banyan_flags::Percent;

use super::{
    headers,
    rules::{alone, needs},
    text::when::Delay,
    world::Ground,
};
use crate::{
    plan::{Chaos, ChaosFailure, ChaosWhen},
    read::Fields,
    report::Read,
};

/// Whether requests may have a subject.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Subjects {
    /// Some may.
    Some,
    /// None has.
    None,
}

const FAULTS: [&str; 5] = ["fail", "slow", "reset", "truncate", "corrupt"];

pub(super) fn read(fields: &Fields<'_>, ground: Ground<'_>, subjects: Subjects) -> Read<Chaos> {
    let allowed = allowed(fields, ground);
    let shares = FAULTS.map(|key| share(fields, key));
    let fail_with = fail_with(fields);
    let by = by(fields);
    let when = fields.object("when").and_then(|fields| when(fields, subjects));
    let [fail, slow, reset, truncate, corrupt] = shares;
    let (fail, slow, reset, truncate, corrupt) = (fail?, slow?, reset?, truncate?, corrupt?);
    something(fields)?;
    at_most_all(fields, [fail, reset, truncate, corrupt])?;
    allowed?;
    Ok(Chaos { fail, fail_with: fail_with?, slow, by: by?.0, reset, truncate, corrupt, when: when? })
}

fn allowed(fields: &Fields<'_>, ground: Ground<'_>) -> Read<()> {
    // An environment that could not be read was reported.
    if ground.environment.is_none_or(crate::plan::Environment::allows_chaos) {
        return Ok(());
    }
    let message = "chaos breaks requests on purpose, and this gateway is in production";
    let hint = "write 'environment: staging' or 'environment: development' at the top if it is not, or remove 'chaos'";
    Err(fields.problems().add(fields.span(), message, Some(hint.to_owned())))
}

fn share(fields: &Fields<'_>, key: &'static str) -> Read<Percent> {
    Ok(fields.maybe::<Percent>(key)?.map_or(Percent::ZERO, |share| share.value))
}

fn fail_with(fields: &Fields<'_>) -> Read<ChaosFailure> {
    let (word, status) = (fields.maybe::<&'static str>("fail_with"), fields.maybe::<u16>("status"));
    needs(fields, "fail_with", "fail", "the share of requests that fail");
    needs(fields, "status", "fail", "the share of requests that fail");
    if word?.is_some_and(|word| word.value == "reset") {
        alone(fields, "fail_with", &["status"], "a reset has no status: remove one of them")?;
        return Ok(ChaosFailure::Reset);
    }
    Ok(ChaosFailure::Status(status?.map_or(503, |status| status.value)))
}

fn by(fields: &Fields<'_>) -> Read<Delay> {
    needs(fields, "slow", "by", "how long they are delayed, such as 2s or 2s..5s");
    needs(fields, "by", "slow", "the share of requests that are slowed");
    let by = fields.maybe_text::<Delay>("by")?;
    Ok(by.map_or(Delay(Duration::ZERO..=Duration::ZERO), |by| by.value))
}

fn something(fields: &Fields<'_>) -> Read<()> {
    if FAULTS.iter().any(|key| fields.place(key).is_some()) {
        return Ok(());
    }
    let hint = format!("write {}, a share of requests such as 5%, or 'chaos: off'", FAULTS.join(" or "));
    Err(fields.problems().add(fields.span(), "chaos names no fault to make", Some(hint)))
}

fn at_most_all(fields: &Fields<'_>, shares: [Percent; 4]) -> Read<()> {
    let points = shares.iter().map(|share| u32::from(share.basis_points())).sum::<u32>();
    if points <= u32::from(Percent::FULL.basis_points()) {
        return Ok(());
    }
    let message = "the shares of fail, reset, truncate and corrupt are more than 100% together";
    let hint = "lower them: a request is struck by one of them at most".to_owned();
    Err(fields.problems().add(fields.span(), message, Some(hint)))
}

fn when(fields: &Fields<'_>, subjects: Subjects) -> Read<ChaosWhen> {
    let share = fields.maybe::<Percent>("subjects");
    let headers = headers::conditions(fields);
    let share = share?;
    if let (Some(share), Subjects::None) = (&share, subjects) {
        let message = "a route outside units knows no subject, so nobody would be in this share";
        let hint = "use 'headers', or write the share with the fault, such as 'fail: 5%'".to_owned();
        return Err(fields.problems().add(share.span, message, Some(hint)));
    }
    Ok(ChaosWhen { subjects: share.map(|share| share.value), headers: headers? })
}
