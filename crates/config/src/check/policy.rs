//! How calls to an upstream are made: retry, breaker, concurrency, hedge, throttle, and what is shed.

use std::time::Duration;

use super::rules::{alone, ordered};
use crate::{
    language::duration_text,
    plan::{
        Breaker, BreakerMode, Concurrency, ConcurrencyLimit, Hedge, HedgeAfter, Retry, Shed, Slow, Throttle,
    },
    read::Fields,
    report::Read,
    source::Spanned,
};

/// How long a breaker refuses at most, unless the config says otherwise: an upstream that is well again is found out within
/// ten seconds, and a few probes every eight harm nobody.
const OPEN_AT_MOST: Duration = Duration::from_secs(8);

pub(super) fn retry(fields: &Fields<'_>) -> Read<Retry> {
    let (base, cap) = ordered(fields, "base", "cap");
    Ok(Retry {
        attempts: fields.get("attempts")?,
        base: base?,
        cap: cap?,
        budget: fields.get("budget")?,
        per_second: fields.get("per_second")?,
    })
}

/// Both limits are the upstream's, if they could be read.
pub(super) fn breaker(
    fields: &Fields<'_>,
    timeout: Read<Duration>,
    deadline: Read<Duration>,
) -> Read<Breaker> {
    let mode = mode(fields, timeout.ok());
    let (open_for, open_at_most) = open(fields)?;
    Ok(Breaker {
        mode: mode?,
        open_for,
        open_at_most,
        probes: fields.get("probes")?,
        close_after: fields.get("close_after")?,
        probe_timeout: match fields.maybe("probe_timeout")? {
            Some(own) => own.value,
            None => deadline?,
        },
    })
}

/// How long it is open, at first and at most.
fn open(fields: &Fields<'_>) -> Read<(Duration, Duration)> {
    let first = fields.get::<Duration>("open_for")?;
    if fields.maybe::<Duration>("open_at_most")?.is_none() {
        return Ok((first, first.max(OPEN_AT_MOST)));
    }
    let (first, most) = ordered(fields, "open_for", "open_at_most");
    Ok((first?, most?))
}

fn mode(fields: &Fields<'_>, timeout: Option<Duration>) -> Read<BreakerMode> {
    let hint = "keep 'consecutive' to count failures in a row, or the others to count shares of recent calls";
    let chosen = alone(fields, "consecutive", &["failures", "of_at_least", "within", "slow"], hint);
    let slow = fields
        .maybe_object("slow")
        .and_then(|slow| slow.map(|fields| self::slow(fields, timeout)).transpose());
    let consecutive = fields.maybe::<u32>("consecutive")?;
    chosen?;
    Ok(match consecutive {
        Some(failures) => BreakerMode::Consecutive { failures: failures.value },
        None => BreakerMode::Ratio {
            failures: fields.get("failures")?,
            of_at_least: fields.get("of_at_least")?,
            within: fields.get("within")?,
            slow: slow?,
        },
    })
}

fn slow(fields: &Fields<'_>, timeout: Option<Duration>) -> Read<Slow> {
    let over = fields.placed::<Duration>("over");
    if let (Ok(over), Some(timeout)) = (&over, timeout)
        && over.value >= timeout
    {
        let text = duration_text;
        let message = format!(
            "no call can be slow: 'over' ({}) is not less than the upstream's 'timeout' ({}), at which a call has failed",
            text(over.value),
            text(timeout)
        );
        let hint =
            "lower 'over', raise 'timeout', or leave 'slow' out: time-outs are failures already".to_owned();
        fields.problems().add(over.span, message, Some(hint));
    }
    Ok(Slow { over: over?.value, share: fields.get("share")? })
}

pub(super) fn concurrency(fields: &Fields<'_>) -> Read<Concurrency> {
    let hint = "keep 'fixed' for a limit that stays, or the others for one that adapts";
    let chosen = alone(fields, "fixed", &["start", "min", "max"], hint);
    let fixed = fields.maybe::<u32>("fixed")?;
    chosen?;
    let limit = match fixed {
        Some(limit) => ConcurrencyLimit::Fixed { limit: limit.value },
        None => adaptive(fields)?,
    };
    Ok(Concurrency { limit, queue: fields.get("queue")? })
}

fn adaptive(fields: &Fields<'_>) -> Read<ConcurrencyLimit> {
    let (start, min, max) =
        (fields.placed::<u32>("start"), fields.placed::<u32>("min"), fields.placed::<u32>("max"));
    let (start, min, max) = (start?, min?, max?);
    for ((low, low_key), (high, high_key)) in
        [((&min, "min"), (&start, "start")), ((&start, "start"), (&max, "max"))]
    {
        larger(fields, (low, low_key), (high, high_key));
    }
    Ok(ConcurrencyLimit::Adaptive { start: start.value, min: min.value, max: max.value })
}

/// Reports a number that is larger than one that is at least as large.
fn larger(fields: &Fields<'_>, low: (&Spanned<u32>, &str), high: (&Spanned<u32>, &str)) {
    let ((low, low_key), (high, high_key)) = (low, high);
    if low.value > high.value {
        let message = format!("'{low_key}' ({}) is larger than '{high_key}' ({})", low.value, high.value);
        let hint = format!("lower '{low_key}' or raise '{high_key}'; 'min' <= 'start' <= 'max'");
        // The one that was written: a default stands at the start of the section.
        fields.problems().add(low.span.max(high.span), message, Some(hint));
    }
}

/// `timeout` is the longest in force where it hedges, if all that hold there could be read.
pub(super) fn hedge(fields: &Fields<'_>, timeout: Option<Duration>) -> Read<Hedge> {
    let after = fields.text::<HedgeAfter>("after");
    if let (Ok(Spanned { value: HedgeAfter::Fixed(after), span }), Some(timeout)) = (&after, timeout)
        && *after >= timeout
    {
        let message = format!(
            "no call is ever hedged: 'after' ({}) is not less than 'timeout' ({}), at which an attempt has ended",
            duration_text(*after),
            duration_text(timeout)
        );
        let hint = "lower 'after', or write p95: the time that 95 % of calls take".to_owned();
        fields.problems().add(*span, message, Some(hint));
    }
    Ok(Hedge { after: after?.value, extra: fields.get("extra")? })
}

pub(super) fn throttle(fields: &Fields<'_>) -> Read<Throttle> {
    Ok(Throttle { k: fields.get("k")?, within: fields.get("within")?, cap: fields.get("cap")? })
}

pub(super) fn shed(fields: &Fields<'_>) -> Read<Shed> {
    Ok(Shed { wait: fields.get("wait")?, over: fields.get("over")?, within: fields.get("within")? })
}
