//! What a circuit breaker costs a call that it lets pass and that succeeds, which is nearly every call.
//!
//! No servers here: the same duty (ask, be let in, say that it went well) is done as often as possible by one, two and four
//! threads on two cores. One thread shows the cost; two show whether cores wait for one another: then a call costs more CPU
//! time than alone, or they make fewer calls than twice as many. Calls do nothing, so everything that is measured is the
//! breaker, the loop around it, and the clock where one is read.

use std::{
    hint::black_box,
    sync::{
        Arc, Barrier,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    task::{Context, Poll, Waker},
    thread,
    time::Duration,
};

use anyhow::Context as _;
use banyan_resilience::{
    Dice, Verdict,
    breaker::{Breaker, Settings},
};
use failsafe::{CircuitBreaker as _, backoff, failure_policy};
use rustix::{
    thread::{CpuSet, sched_setaffinity},
    time::{ClockId, clock_gettime},
};
use tokio::time::Instant;
use tower::{Service, ServiceExt, service_fn};
use tower_resilience_circuitbreaker::CircuitBreakerLayer;

use super::{Column, in_turn};
use crate::{
    Options,
    machine::{LOAD_CORE, Machine, SERVER_CORE},
    poll,
    record::{Figures, Measured, Run},
};

pub(super) const COLUMNS: &[Column] = &[
    Column { figure: "cpu_ns_per_call_1_thread", heading: "CPU ns/call, 1 thread", decimals: 1 },
    Column { figure: "cpu_ns_per_call_2_threads", heading: "2 threads", decimals: 1 },
    Column { figure: "cpu_ns_per_call_4_threads", heading: "4 threads", decimals: 1 },
    Column { figure: "million_calls_per_second_1_thread", heading: "million calls/s, 1 thread", decimals: 1 },
    Column { figure: "million_calls_per_second_2_threads", heading: "2 threads", decimals: 1 },
    Column { figure: "million_calls_per_second_4_threads", heading: "4 threads", decimals: 1 },
];

/// Calls between two looks at whether time is over.
const BATCH: u32 = 100;
/// Batches before those that count.
const WARM_UP: u32 = 20;
const THREADS: [usize; 3] = [1, 2, 4];

/// Something that makes `BATCH` calls each time it is asked; each thread has one, and all of a breaker share it.
type Caller = Box<dyn FnMut() + Send>;

/// A breaker, set up and ready to be shared.
struct Candidate {
    name: &'static str,
    about: &'static str,
    /// Makes a breaker, and from it one caller per thread.
    callers: fn(threads: usize) -> anyhow::Result<Vec<Caller>>,
}

const CANDIDATES: &[Candidate] = &[
    Candidate {
        name: "Banyan",
        about: "50 % of 20 in 10 s, counting by cause; the caller knows what time it is",
        callers: |threads| Ok(banyan(threads, Settings::default(), false)),
    },
    Candidate {
        name: "Banyan, clock",
        about: "the same, and the clock is read before and after each call",
        callers: |threads| Ok(banyan(threads, Settings::default(), true)),
    },
    Candidate {
        name: "Banyan, in a row",
        about: "5 failures in a row",
        callers: |threads| Ok(banyan(threads, Settings::default().with_consecutive(5)?, false)),
    },
    Candidate {
        name: "failsafe",
        about: "1.3, success rate in 10 s",
        callers: |threads| Ok(failsafe(threads, Policy::Ratio)),
    },
    Candidate {
        name: "failsafe, in a row",
        about: "1.3, 5 failures in a row",
        callers: |threads| Ok(failsafe(threads, Policy::InARow)),
    },
    Candidate {
        name: "recloser",
        about: "1.4, 50 % of the last 20 calls",
        callers: |threads| Ok(recloser(threads)),
    },
    Candidate {
        name: "tower-resilience",
        about: "circuitbreaker 0.14, 50 % of the last 100 calls, as a tower service",
        callers: tower_resilience,
    },
];

/// Which of failsafe's policies.
#[derive(Clone, Copy)]
enum Policy {
    Ratio,
    InARow,
}

/// Measures every candidate, round by round.
///
/// # Errors
/// When nothing is left to measure, or a thread cannot be kept on its core.
pub(super) fn measure(options: &Options) -> anyhow::Result<Run> {
    let is_wanted = |candidate: &&Candidate| {
        options.only.is_empty() || options.only.iter().any(|part| candidate.name.contains(part))
    };
    let wanted: Vec<_> = CANDIDATES.iter().filter(is_wanted).collect();
    anyhow::ensure!(!wanted.is_empty(), "breaker: no candidate is called that");
    let (at, machine) = (Run::now(), Machine::look()?);
    let time = if options.quick { Duration::from_millis(200) } else { Duration::from_secs(2) };
    let unmeasured = |candidate: &&Candidate| Measured {
        name: candidate.name.to_owned(),
        about: candidate.about.to_owned(),
        rounds: Vec::new(),
    };
    let named = wanted.iter().map(unmeasured).collect();
    let candidates =
        in_turn("breaker", options.rounds, &wanted, named, |candidate, _| candidate.round(time))?;
    Ok(Run { work: "breaker".to_owned(), at, machine, seconds: time.as_secs(), seed: None, candidates })
}

impl Candidate {
    fn round(&self, time: Duration) -> anyhow::Result<Figures> {
        let mut figures = Figures::new();
        for threads in THREADS {
            let spent = spend((self.callers)(threads)?, time)?;
            let named = if threads == 1 { "1_thread".to_owned() } else { format!("{threads}_threads") };
            figures.insert(format!("million_calls_per_second_{named}"), spent.calls_per_second / 1e6);
            figures.insert(format!("cpu_ns_per_call_{named}"), spent.cpu_seconds * 1e9 / spent.calls);
        }
        Ok(figures)
    }
}

/// What callers did, one or all together.
#[derive(Default)]
struct Spent {
    calls: f64,
    calls_per_second: f64,
    cpu_seconds: f64,
}

/// All callers at once, for so long.
fn spend(callers: Vec<Caller>, time: Duration) -> anyhow::Result<Spent> {
    let (start, is_over) = (Barrier::new(callers.len() + 1), AtomicBool::new(false));
    thread::scope(|scope| {
        let run = |(number, caller): (usize, Caller)| {
            let (start, is_over) = (&start, &is_over);
            scope.spawn(move || {
                // Measuring begins when all are there, even one that could not be put on its core.
                let placed = stay_on([SERVER_CORE, LOAD_CORE][number % 2]);
                let spent = call_until(is_over, start, caller);
                placed.map(|()| spent)
            })
        };
        let threads: Vec<_> = callers.into_iter().enumerate().map(run).collect();
        start.wait();
        poll::pause(time);
        is_over.store(true, Relaxed);
        threads.into_iter().try_fold(Spent::default(), |all, thread| {
            let one = thread.join().unwrap_or_else(|_| anyhow::bail!("a caller panicked"))?;
            Ok(Spent {
                calls: all.calls + one.calls,
                calls_per_second: all.calls_per_second + one.calls_per_second,
                cpu_seconds: all.cpu_seconds + one.cpu_seconds,
            })
        })
    })
}

fn call_until(is_over: &AtomicBool, start: &Barrier, mut caller: Caller) -> Spent {
    (0..WARM_UP).for_each(|_| caller());
    start.wait();
    let (began, cpu_before) = (Instant::now(), cpu_seconds());
    let mut batches = 0_u32;
    while !is_over.load(Relaxed) {
        caller();
        batches += 1;
    }
    let calls = f64::from(batches) * f64::from(BATCH);
    Spent {
        calls,
        calls_per_second: calls / began.elapsed().as_secs_f64(),
        cpu_seconds: cpu_seconds() - cpu_before,
    }
}

/// CPU time of this thread so far.
fn cpu_seconds() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

fn stay_on(core: usize) -> anyhow::Result<()> {
    let mut cores = CpuSet::new();
    cores.set(core);
    sched_setaffinity(None, &cores).context("cannot stay on one core")
}

/// One caller per thread, of a breaker that they share.
fn callers<B: Send + Sync + 'static>(
    threads: usize,
    breaker: B,
    call: impl Fn(&B) + Send + Copy + 'static,
) -> Vec<Caller> {
    let breaker = Arc::new(breaker);
    let caller = |_| {
        let breaker = Arc::clone(&breaker);
        Box::new(move || (0..BATCH).for_each(|_| call(&breaker))) as Caller
    };
    (0..threads).map(caller).collect()
}

fn banyan(threads: usize, settings: Settings, reads_clock: bool) -> Vec<Caller> {
    let shared = (Breaker::new(settings), Dice::unpredictable(), Instant::now());
    if reads_clock {
        return callers(threads, shared, |(breaker, dice, _)| {
            let began = Instant::now();
            if let Ok(permit) = breaker.acquire(began, dice) {
                black_box(());
                let now = Instant::now();
                black_box(permit.record(&Verdict::Success, now.duration_since(began), now, dice).is_some());
            }
        });
    }
    callers(threads, shared, |(breaker, dice, now)| {
        let now = black_box(*now);
        if let Ok(permit) = breaker.acquire(now, dice) {
            let change = permit.record(black_box(&Verdict::Success), Duration::from_millis(1), now, dice);
            black_box(change.is_some());
        }
    })
}

fn failsafe(threads: usize, policy: Policy) -> Vec<Caller> {
    let waits = || backoff::equal_jittered(Duration::from_secs(5), Duration::from_secs(60));
    match policy {
        Policy::Ratio => {
            let policy =
                failure_policy::success_rate_over_time_window(0.5, 20, Duration::from_secs(10), waits());
            let breaker = failsafe::Config::new().failure_policy(policy).build();
            callers(threads, breaker, |breaker| {
                black_box(breaker.call(|| black_box(Ok::<(), ()>(()))).is_ok());
            })
        }
        Policy::InARow => {
            let policy = failure_policy::consecutive_failures(5, waits());
            let breaker = failsafe::Config::new().failure_policy(policy).build();
            callers(threads, breaker, |breaker| {
                black_box(breaker.call(|| black_box(Ok::<(), ()>(()))).is_ok());
            })
        }
    }
}

fn recloser(threads: usize) -> Vec<Caller> {
    let breaker = recloser::Recloser::custom().error_rate(0.5).closed_len(20).build();
    callers(threads, breaker, |breaker| {
        black_box(breaker.call(|| black_box(Ok::<(), ()>(()))).is_ok());
    })
}

/// Every thread has a service of its own; the layer makes them share one breaker.
fn tower_resilience(threads: usize) -> anyhow::Result<Vec<Caller>> {
    let layer =
        CircuitBreakerLayer::builder().failure_rate_threshold(0.5).sliding_window_size(100).build()?;
    let inner = service_fn(|()| std::future::ready(black_box(Ok::<(), ()>(()))));
    let service = tower::Layer::layer(&layer, inner);
    let caller = |_| {
        let mut service = service.clone();
        Box::new(move || {
            for _ in 0..BATCH {
                black_box(wait_for(async { service.ready().await?.call(()).await }).is_ok());
            }
        }) as Caller
    };
    Ok((0..threads).map(caller).collect())
}

/// Runs a future to its end with as little around it as there can be. What has to wait for another thread gives it the core,
/// as a runtime would turn to another task, and asks again.
fn wait_for<F: Future>(future: F) -> F::Output {
    let mut future = std::pin::pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::yield_now(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_candidate_makes_calls_on_every_number_of_threads() {
        for candidate in CANDIDATES {
            let figures = candidate.round(Duration::from_millis(5)).unwrap();
            for column in COLUMNS {
                assert!(figures[column.figure] > 0.0, "{}: {}", candidate.name, column.figure);
            }
        }
    }
}
