//! What a run was like.

use std::ops::Range;

use banyan_resilience::{Verdict, limit::Status};

use super::Scenario;

/// What a run was like. Kept by tenths of a second.
#[derive(Clone, Debug)]
pub struct Report {
    scenario: Scenario,
    tenths: Vec<Tenth>,
    /// When it ended, whole time, of good answers.
    answers: Vec<(f64, f32)>,
    /// When it came, and how long until it was refused.
    refusals: Vec<(f64, f32)>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Tenth {
    offered: u32,
    good: u32,
    refused: u32,
    bad: u32,
    peak: usize,
    limit: u32,
    most_limit: u32,
}

impl Report {
    pub fn new(scenario: &Scenario) -> Self {
        let tenths = vec![Tenth::default(); (scenario.seconds * 10.0).ceil() as usize + 1];
        Self { scenario: scenario.clone(), tenths, answers: Vec::new(), refusals: Vec::new() }
    }

    fn tenth(&mut self, at: f64) -> &mut Tenth {
        &mut self.tenths[(at * 10.0) as usize]
    }

    pub fn offered(&mut self, at: f64) {
        self.tenth(at).offered += 1;
    }

    pub fn in_flight(&mut self, at: f64, count: usize) {
        let tenth = self.tenth(at);
        tenth.peak = tenth.peak.max(count);
    }

    pub fn refused(&mut self, arrived: f64, now: f64) {
        self.tenth(now).refused += 1;
        self.refusals.push((arrived, (now - arrived) as f32));
    }

    pub fn answered(&mut self, arrived: f64, _began: f64, now: f64, verdict: &Verdict) {
        if *verdict == Verdict::Success {
            self.tenth(now).good += 1;
            self.answers.push((now, (now - arrived) as f32));
        } else {
            self.tenth(now).bad += 1;
        }
    }

    pub fn status(&mut self, now: f64, status: &Status) {
        let tenth = self.tenth(now);
        tenth.limit = status.limit;
        tenth.most_limit = tenth.most_limit.max(status.limit);
    }

    fn within(&self, when: &Range<f64>) -> &[Tenth] {
        &self.tenths[(when.start * 10.0) as usize..(when.end * 10.0) as usize]
    }

    /// Good answers over what was physically possible, the lesser of load and capacity.
    pub fn goodput(&self, when: Range<f64>) -> f64 {
        let good: u32 = self.within(&when).iter().map(|tenth| tenth.good).sum();
        let possible: f64 = ((when.start * 10.0) as u32..(when.end * 10.0) as u32)
            .map(|tenth| {
                let at = f64::from(tenth) / 10.0 + 0.05;
                self.scenario.rate(at).min(self.scenario.capacity(at)) / 10.0
            })
            .sum();
        f64::from(good) / possible
    }

    /// The most in flight.
    pub fn peak(&self, when: Range<f64>) -> usize {
        self.within(&when).iter().map(|tenth| tenth.peak).max().unwrap_or(0)
    }

    pub fn refused_within(&self, when: Range<f64>) -> u32 {
        self.within(&when).iter().map(|tenth| tenth.refused).sum()
    }

    pub fn offered_within(&self, when: Range<f64>) -> u32 {
        self.within(&when).iter().map(|tenth| tenth.offered).sum()
    }

    /// The limit at a time.
    pub fn limit(&self, at: f64) -> u32 {
        self.tenths[(at * 10.0) as usize].limit
    }

    /// The time of accepted answers that a share of them did not exceed, milliseconds: queue and service.
    pub fn quantile(&self, share: f64, when: Range<f64>) -> f64 {
        quantile(&self.answers, share, &when)
    }

    /// The same of refusals.
    pub fn refusal_quantile(&self, share: f64, when: Range<f64>) -> f64 {
        quantile(&self.refusals, share, &when)
    }

    /// Seconds after `at` from which on every second until the end of `until` reaches the share of what is possible.
    pub fn back_after(&self, at: f64, until: f64, share: f64) -> f64 {
        let mut back = until;
        let mut second = until - 1.0;
        while second >= at && self.goodput(second..second + 1.0) >= share {
            back = second;
            second -= 0.5;
        }
        back - at
    }

    /// One line of a table.
    pub fn row(&self, when: Range<f64>) -> String {
        format!(
            "{:<44} {:>7.2}% {:>5} {:>6} {:>8.0} {:>8.0} {:>9} {:>8.0}",
            self.scenario.name,
            self.goodput(when.clone()) * 100.0,
            self.peak(when.clone()),
            self.limit(when.end - 0.2),
            self.quantile(0.5, when.clone()),
            self.quantile(0.99, when.clone()),
            self.refused_within(when.clone()),
            self.refusal_quantile(0.99, when),
        )
    }

    pub fn heading() -> String {
        format!(
            "{:<44} {:>8} {:>5} {:>6} {:>8} {:>8} {:>9} {:>8}",
            "scenario", "goodput", "peak", "limit", "p50 ms", "p99 ms", "refused", "r99 ms"
        )
    }

    /// Second by second, to look at.
    pub fn course(&self, when: Range<f64>, step: f64) -> String {
        let mut lines = String::new();
        let steps = ((when.end - when.start) / step).round() as u32;
        for number in 0..steps {
            let at = f64::from(number).mul_add(step, when.start) + 0.01;
            let span = at..at + step;
            lines += &format!(
                "{at:7.1}: limit {:3} peak {:3} good {:5} refused {:5} p99 {:5.0} ({:.3})\n",
                self.limit(at + step - 0.1),
                self.peak(span.clone()),
                self.within(&span).iter().map(|tenth| tenth.good).sum::<u32>(),
                self.refused_within(span.clone()),
                self.quantile(0.99, span.clone()),
                self.goodput(span),
            );
        }
        lines
    }
}

fn quantile(times: &[(f64, f32)], share: f64, when: &Range<f64>) -> f64 {
    let mut times: Vec<f32> =
        times.iter().filter(|(at, _)| when.contains(at)).map(|(_, time)| *time).collect();
    if times.is_empty() {
        return 0.0;
    }
    let index = ((times.len() as f64 * share) as usize).min(times.len() - 1);
    let (_, time, _) = times.select_nth_unstable_by(index, f32::total_cmp);
    f64::from(*time) * 1000.0
}
