//! What one node keeps while requests go by.

use std::collections::BTreeMap;

use super::{
    Compared, Count, Evidence, Exhibit, Failed, Observation, RouteIndex, Scope, Verdict,
    bets::Logs,
    evidence::{Case, Stratum, Tally},
    moments::Moment,
    periods::PERIOD,
    share::Share,
    subjects::Subjects,
    trail::Trail,
    trailing::Trailing,
};
use crate::{Metric, Millis, Plan, Side, Sides, Source};

/// Most routes that are told apart.
const MOST_ROUTES: usize = 64;
/// The name of all others together.
const OTHER: &str = "(other)";

/// Judges one unit on one node.
///
/// An answer costs some tens of nanoseconds, and some more if it failed. Memory is bounded: at most 64 routes are told apart,
/// some 5 KiB each.
#[derive(Clone, Debug)]
pub struct Judge {
    scope: Scope,
    period: u32,
    period_began: Millis,
    /// The last one is `(other)`.
    routes: Vec<Route>,
    moment: Moment,
    moments: Trail,
    subjects: BTreeMap<Metric, Subjects>,
    tally: Tally,
    /// What was seen before, by this node or in its place; with the exhibits of now.
    before: Evidence,
}

#[derive(Clone, Debug)]
struct Route {
    name: String,
    /// All answers to clients.
    all: Share,
    /// Those whose failures are not judged in a pair.
    alone: Share,
    seen: Sides<u64>,
    pairs: u64,
    trailing: Trailing,
    live: [Seen; Metric::ALL.len()],
    pair: [Seen; Metric::ALL.len()],
}

/// One metric in one stratum.
#[derive(Clone, Debug, Default)]
struct Seen {
    failures: Sides<u64>,
    trail: Trail,
}

impl Seen {
    fn count(&mut self, side: Side) {
        let failures = self.failures.of_mut(side);
        *failures = failures.saturating_add(1);
    }

    fn failed(&mut self, side: Side, share: f64, period: u32) {
        self.count(side);
        self.trail.add(period, Logs::of_failure(side == Side::Candidate, share));
    }
}

impl Route {
    fn new(name: String, scope: &Scope) -> Self {
        let share = Share::expected(scope.percent);
        Self {
            name,
            all: share,
            alone: share,
            seen: Sides::default(),
            pairs: 0,
            trailing: Trailing::default(),
            live: Default::default(),
            pair: Default::default(),
        }
    }

    /// What the answer failed in. All that decides it was known before: the share and the threshold do not have it in yet.
    fn observe(&mut self, seen: &Observation, period: u32, now: Millis) -> (Failed, Option<bool>) {
        let (share, alone) = (self.all.of_candidate(), self.alone.of_candidate());
        let slow = self.trailing.threshold().filter(|_| !seen.failed).map(|slow| seen.latency_us > slow);
        let mut failed = Failed::default();
        if slow == Some(true) {
            self.live[Metric::Latency.index()].count(seen.side);
            failed.note(Metric::Latency);
        }
        let mut note = |metric: Metric, share| {
            self.live[metric.index()].failed(seen.side, share, period);
            failed.note(metric);
        };
        if seen.failed && !seen.compared {
            note(Metric::Errors, alone);
        }
        if seen.degraded {
            note(Metric::Degraded, share);
        }
        self.count(seen, now);
        (failed, slow)
    }

    fn count(&mut self, seen: &Observation, now: Millis) {
        let count = self.seen.of_mut(seen.side);
        *count = count.saturating_add(1);
        self.all.count(seen.side);
        if !seen.compared {
            self.alone.count(seen.side);
        }
        if seen.side == Side::Control && !seen.failed {
            self.trailing.add(seen.latency_us, now);
        }
    }

    fn compare(&mut self, seen: &Compared, period: u32) -> Failed {
        self.pairs = self.pairs.saturating_add(1);
        let mut failed = Failed::default();
        let mut note = |metric: Metric, side, share| {
            self.pair[metric.index()].failed(side, share, period);
            if side == Side::Candidate {
                failed.note(metric);
            }
        };
        // Exactly one of them failed: if all fail alike, it is any of them.
        let Sides { candidate, control } = seen.answers;
        let share = Count { failures: candidate.of, of: candidate.of.saturating_add(control.of) }.share();
        match (candidate.failures, control.failures, share) {
            (1, 0, Some(share)) => note(Metric::Errors, Side::Candidate, share),
            (0, 1, Some(share)) => note(Metric::Errors, Side::Control, share),
            _ => {}
        }
        match seen.contents.map(|contents| (contents.other_only, contents.again_only)) {
            Some((true, false)) => note(Metric::Mismatches, Side::Candidate, 0.5),
            Some((false, true)) => note(Metric::Mismatches, Side::Control, 0.5),
            _ => {}
        }
        failed
    }

    fn strata(&self) -> [Stratum; 2] {
        [
            self.stratum(Source::Live, self.seen, &self.live),
            self.stratum(Source::Pair, Sides { candidate: self.pairs, control: self.pairs }, &self.pair),
        ]
    }

    fn stratum(&self, source: Source, seen: Sides<u64>, cases: &[Seen]) -> Stratum {
        let failed = |case: &Seen| case.failures != Sides::default();
        let cases = Metric::ALL.into_iter().zip(cases).filter(|(_, case)| failed(case));
        let case = |seen: &Seen| Case { failures: seen.failures, trail: seen.trail.clone() };
        let cases = cases.map(|(metric, seen)| (metric, case(seen))).collect();
        Stratum { route: self.name.clone(), source, seen, cases }
    }
}

impl Judge {
    /// A judge that has seen nothing. `routes` are the names of the unit's routes, in the order of their indexes; beyond the
    /// 64th they count as one.
    pub fn new<Name: Into<String>>(
        scope: Scope,
        routes: impl IntoIterator<Item = Name>,
        now: Millis,
    ) -> Self {
        Self::resume(scope, routes, Evidence::none(scope.epoch, scope.lap), now)
    }

    /// A judge that goes on from what was seen before: after a restart, or with other routes after a reload. Evidence of
    /// another epoch is not looked at.
    pub fn resume<Name: Into<String>>(
        scope: Scope,
        routes: impl IntoIterator<Item = Name>,
        before: Evidence,
        now: Millis,
    ) -> Self {
        let names = routes.into_iter().take(MOST_ROUTES).map(Name::into).chain([OTHER.to_owned()]);
        let before =
            if before.epoch == scope.epoch { before } else { Evidence::none(scope.epoch, scope.lap) };
        let mut judge = Self {
            scope,
            period: period(&scope, now).max(before.period),
            period_began: now,
            routes: names.map(|name| Route::new(name, &scope)).collect(),
            moment: Moment::default(),
            moments: Trail::default(),
            subjects: BTreeMap::new(),
            tally: Tally::default(),
            before,
        };
        judge.enter(scope, now);
        judge
    }

    /// What it looks at.
    #[must_use]
    pub const fn scope(&self) -> &Scope {
        &self.scope
    }

    /// The unit has another percentage, or its evidence begins anew. Answers to requests that were decided before may still
    /// come; they are few, and count as if they were decided now.
    pub fn enter(&mut self, scope: Scope, now: Millis) {
        let (other_epoch, other_lap) = (scope.epoch != self.scope.epoch, scope.lap != self.scope.lap);
        self.scope = scope;
        if other_epoch {
            self.before = Evidence::none(scope.epoch, scope.lap);
            self.subjects.clear();
            (self.moment, self.moments) = (Moment::default(), Trail::default());
            (self.period, self.period_began) = (period(&scope, now), now);
        }
        if other_epoch || other_lap {
            self.tally = Tally::default();
        }
        if self.before.lap != scope.lap {
            self.before.lap = scope.lap;
            self.before.tally = Tally::default();
        }
        for route in &mut self.routes {
            if other_epoch {
                let trailing = std::mem::take(&mut route.trailing);
                *route = Route { trailing, ..Route::new(std::mem::take(&mut route.name), &scope) };
            } else if other_lap {
                (route.all, route.alone) = (Share::expected(scope.percent), Share::expected(scope.percent));
            }
        }
    }

    /// An answer went to a client. Says what the candidate failed in, if it did: worth an [`Exhibit`].
    pub fn observe(&mut self, seen: &Observation, now: Millis) -> Failed {
        let period = self.period;
        let Some(route) = route(&mut self.routes, seen.route) else { return Failed::default() };
        let (failed, slow) = route.observe(seen, period, now);
        let tally = &mut self.tally;
        tally.errors.of_mut(seen.side).add(seen.failed);
        tally.degraded.of_mut(seen.side).add(seen.degraded);
        if let Some(slow) = slow {
            tally.slow.of_mut(seen.side).add(slow);
            if let Some(excess) = self.moment.add(seen.side, slow, now) {
                self.moments.add(period, Logs::of_moment(excess));
            }
        }
        if !seen.failed {
            tally.latency.of_mut(seen.side).add(seen.latency_us);
        }
        if seen.side == Side::Control {
            return Failed::default();
        }
        self.note_subject(failed, seen.subject);
        failed
    }

    /// A request was asked of both sides. Says what the candidate failed in, if it did: worth an [`Exhibit`].
    pub fn compare(&mut self, seen: &Compared, _now: Millis) -> Failed {
        let period = self.period;
        let Some(route) = route(&mut self.routes, seen.route) else { return Failed::default() };
        let failed = route.compare(seen, period);
        if let Some(contents) = seen.contents {
            self.tally.compare(contents);
        }
        self.note_subject(failed, seen.subject);
        failed
    }

    fn note_subject(&mut self, failed: Failed, subject: u64) {
        if failed.is_empty() {
            return;
        }
        for metric in Metric::ALL.into_iter().filter(|&metric| failed.contains(metric)) {
            self.subjects.entry(metric).or_default().note(subject, self.period);
        }
    }

    /// Keeps a request that failed on the candidate: the newest 32 of them.
    pub fn exhibit(&mut self, exhibit: Exhibit) {
        self.before.exhibits.note(exhibit);
    }

    /// Time passes. To be called about once a second: a call begins at most one period, so that a clock that jumps ahead does
    /// not use up what is set aside for later ones.
    pub fn tick(&mut self, now: Millis) {
        self.period_began = self.period_began.min(now);
        if period(&self.scope, now) > self.period || now.since(self.period_began) >= PERIOD {
            self.period = self.period.saturating_add(1);
            self.period_began = now;
        }
    }

    /// What it has seen.
    #[must_use]
    pub fn evidence(&self) -> Evidence {
        let mut evidence = self.before.clone();
        evidence.period = evidence.period.max(self.period);
        evidence.routes = evidence.routes.max(u32::try_from(self.routes.len()).unwrap_or(u32::MAX));
        for stratum in self.routes.iter().flat_map(Route::strata) {
            if stratum.seen != Sides::default() {
                evidence.add(&stratum);
            }
        }
        evidence.moments.merge(&self.moments);
        evidence.fold();
        for (&metric, subjects) in &self.subjects {
            evidence.subjects.entry(metric).or_default().merge(subjects);
        }
        evidence.tally.merge(&self.tally);
        evidence
    }

    /// Whether the candidate is worse, by what this node has seen.
    #[must_use]
    pub fn verdict(&self, plan: &Plan) -> Verdict {
        self.evidence().verdict(plan)
    }
}

fn route(routes: &mut [Route], RouteIndex(index): RouteIndex) -> Option<&mut Route> {
    let other = routes.len().checked_sub(1)?;
    routes.get_mut(usize::from(index).min(other))
}

/// The period by the calendar: 1 at the beginning of the epoch, also for a clock that is behind.
fn period(scope: &Scope, now: Millis) -> u32 {
    let passed = now.since(scope.began).as_millis() / PERIOD.as_millis().max(1);
    u32::try_from(passed).unwrap_or(u32::MAX - 1).saturating_add(1)
}
