//! One call to Redis: behind the breaker, within the deadline, and heard with suspicion.

use std::sync::Arc;

use banyan_resilience::{Cause, Verdict};
use redis::{ErrorKind, RedisError, ServerErrorKind, Value};
use tokio::time::{Instant, timeout};

use crate::{
    line::{Line, Open, reason},
    reason::Reason,
    script::Run,
    shared::Shared,
};

/// Runs a script. `understand` reads the answer and says `None` when it is none of its.
pub(crate) async fn call<T>(
    shared: &Arc<Shared>,
    line: &Line,
    script: &Run<'_>,
    understand: impl Fn(Value) -> Option<T>,
) -> Result<T, Reason> {
    let start = Instant::now();
    let Ok(permit) = shared.breaker.acquire(start, &shared.dice) else {
        count(shared, Reason::Skipped);
        return Err(Reason::Skipped);
    };
    let run = run(shared, line, script, understand);
    let outcome = match timeout(shared.settings.deadline, run).await {
        Ok(outcome) => outcome,
        Err(_) => {
            // Answers come in order, so whatever is asked next on this connection waits for this answer too; and a host
            // that is gone never says so.
            line.close_open();
            Err(Reason::Late)
        }
    };
    let now = Instant::now();
    let verdict = verdict(outcome.as_ref().err().copied());
    permit.record(&verdict, now.saturating_duration_since(start), now, &shared.dice);
    if let Err(reason) = outcome {
        count(shared, reason);
    }
    outcome
}

/// A connection that was lost while nobody used it is no failure: it is opened again, once. All scripts bear to be run
/// twice, in case nobody heard the answer to the first run.
async fn run<T>(
    shared: &Arc<Shared>,
    line: &Line,
    script: &Run<'_>,
    understand: impl Fn(Value) -> Option<T>,
) -> Result<T, Reason> {
    let mut open = line.open(shared).await?;
    let mut outcome = attempt(line, &mut open, script).await;
    if !open.fresh && outcome.as_ref().is_err_and(RedisError::is_connection_dropped) {
        open = line.open(shared).await?;
        outcome = attempt(line, &mut open, script).await;
    }
    let answer = outcome.map_err(|error| reason(&error))?;
    understand(answer).ok_or_else(|| {
        line.close(open.number);
        Reason::Garbage
    })
}

async fn attempt(line: &Line, open: &mut Open, script: &Run<'_>) -> Result<Value, RedisError> {
    let outcome = script.send(&mut open.connection).await;
    if outcome.as_ref().is_err_and(spoils_connection) {
        line.close(open.number);
    }
    outcome
}

/// An error that Redis itself answers with leaves the connection as good as it was, unless it comes from a server that is
/// no longer the one to ask: then the address may lead elsewhere by now.
fn spoils_connection(error: &RedisError) -> bool {
    match error.kind() {
        ErrorKind::Server(kind) => kind == ServerErrorKind::ReadOnly,
        ErrorKind::Extension => false,
        _ => true,
    }
}

/// What the breaker hears. A full Redis refuses to write and can still be read, so it is not left alone.
const fn verdict(failed: Option<Reason>) -> Verdict {
    match failed {
        None | Some(Reason::Full | Reason::Skipped) => Verdict::Success,
        Some(Reason::Late) => Verdict::retryable(Cause::Timeout),
        Some(Reason::Broken) => Verdict::retryable(Cause::Reset),
        Some(Reason::Garbage) => Verdict::retryable(Cause::Invalid),
    }
}

fn count(shared: &Shared, reason: Reason) {
    let counters = &shared.counters;
    match reason {
        Reason::Late => counters.late.one(),
        Reason::Broken => counters.broken.one(),
        Reason::Garbage => counters.garbage.one(),
        Reason::Skipped => counters.skipped.one(),
        Reason::Full => counters.full.one(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_redis_is_not_left_alone_and_any_other_failure_counts() {
        assert_eq!(verdict(Some(Reason::Full)), Verdict::Success);
        for reason in [Reason::Late, Reason::Broken, Reason::Garbage] {
            assert!(verdict(Some(reason)).cause().is_some(), "{reason}");
        }
    }
}
