//! Joining, leaving, finishing and forgetting under every order that a scheduler can think of.
//!
//! The table's own source files are compiled a second time, into this crate, where `crate::sync` is shuttle's; see
//! `breaker_races.rs`.
#![allow(
    dead_code,
    unreachable_pub,
    reason = "the module is here as a whole, and the tests use a part of it"
)]

#[path = "../src/coalesce/mod.rs"]
mod coalesce;

/// What the table finds under this name in the library is the standard library's.
mod sync {
    pub(crate) use shuttle::sync::{Mutex, MutexGuard};
}

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use shuttle::{
    sync::atomic::{AtomicBool, AtomicU32, Ordering::SeqCst},
    thread,
};
use tokio::time::Instant;

use self::coalesce::{Joined, Seat, Table};

const KEY: &str = "key";
const RUNS: usize = 3_000;
const JOINED: &str = "no thread panics";

/// A flight, as those who hold on to it see it.
#[derive(Debug, Default)]
struct Flight {
    is_cut_off: AtomicBool,
    has_landed: AtomicBool,
}

/// What holds a flight up.
#[derive(Debug)]
struct Held(Arc<Flight>);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.is_cut_off.store(true, SeqCst);
    }
}

type Flights = Table<&'static str, Arc<Flight>, Held>;
type Place = Seat<&'static str, Arc<Flight>, Held>;

#[derive(Debug, Default)]
struct World {
    led: AtomicU32,
}

/// Joins, waits for a landing if it is told to, and says whether it got one.
fn caller(table: &Arc<Flights>, world: &Arc<World>, is_patient: bool) {
    let joined = table.join(&KEY, Instant::now(), || {
        let flight = Arc::new(Flight::default());
        (flight.clone(), Held(flight), ())
    });
    match joined {
        Joined::Apart => panic!("nobody is set apart"),
        Joined::Leads(seat, flight, ()) => {
            world.led.fetch_add(1, SeqCst);
            let task = {
                let (table, flight, number) = (table.clone(), flight.clone(), seat.number());
                thread::spawn(move || fly(&table, &flight, number))
            };
            wait(seat, &flight, is_patient);
            task.join().expect(JOINED);
        }
        Joined::Follows(seat, flight) => wait(seat, &flight, is_patient),
    }
}

/// A flight that takes a while: it lands, unless it was cut off before.
fn fly(table: &Arc<Flights>, flight: &Flight, number: u64) {
    for _ in 0..2 {
        thread::yield_now();
        if flight.is_cut_off.load(SeqCst) {
            return;
        }
    }
    table.finish(number);
    flight.has_landed.store(true, SeqCst);
}

fn wait(seat: Place, flight: &Flight, is_patient: bool) {
    if is_patient {
        // Landed, or finished and about to: `finish` lets go of what held the flight up, too, and that is no cut-off.
        while !flight.has_landed.load(SeqCst) {
            thread::yield_now();
        }
    }
    drop(seat);
}

fn explore(scene: impl Fn() + Send + Sync + 'static) {
    let scene = Arc::new(scene);
    let again = scene.clone();
    shuttle::check_random(move || scene(), RUNS);
    shuttle::check_pct(move || again(), RUNS, 3);
}

fn scene(patient: &'static [bool], forgets: bool) -> impl Fn() + Send + Sync + 'static {
    move || {
        let (table, world) = (Arc::new(Flights::new()), Arc::new(World::default()));
        let mut threads: Vec<_> = patient
            .iter()
            .map(|is_patient| {
                let (table, world) = (table.clone(), world.clone());
                thread::spawn(move || caller(&table, &world, *is_patient))
            })
            .collect();
        if forgets {
            let table = table.clone();
            threads.push(thread::spawn(move || table.forget(&KEY)));
        }
        for thread in threads {
            thread.join().expect(JOINED);
        }
        let led = world.led.load(SeqCst);
        assert!(led >= 1);
        assert_eq!(table.len(), 0, "a flight was left behind");
        // Nothing of before is in the way of the next.
        let next = table.join(&KEY, Instant::now(), || {
            let flight = Arc::new(Flight::default());
            (flight.clone(), Held(flight), ())
        });
        assert!(matches!(next, Joined::Leads(..)));
    }
}

/// A patient caller would wait for ever for a flight that was cut off while it had a seat: shuttle calls that a failure.
#[test]
fn whoever_waits_is_told_however_others_come_and_go() {
    explore(scene(&[true, false, true], false));
}

#[test]
fn a_leader_that_goes_away_takes_nothing_from_a_follower() {
    explore(scene(&[false, true], false));
}

#[test]
fn those_who_all_leave_leave_nothing_behind() {
    explore(scene(&[false, false, false], false));
}

#[test]
fn forgetting_loses_nobody() {
    explore(scene(&[true, false, true], true));
}

#[test]
fn there_are_never_two_flights_at_once_that_may_be_joined() {
    explore(|| {
        let table = Arc::new(Flights::new());
        let flying = Arc::new(AtomicU32::new(0));
        let threads: Vec<_> = (0..3)
            .map(|_| {
                let (table, flying) = (table.clone(), flying.clone());
                thread::spawn(move || {
                    let joined = table.join(&KEY, Instant::now(), || {
                        assert_eq!(flying.fetch_add(1, SeqCst), 0, "a second flight");
                        let flight = Arc::new(Flight::default());
                        (flight.clone(), Held(flight), ())
                    });
                    if let Joined::Leads(seat, ..) = joined {
                        thread::yield_now();
                        flying.fetch_sub(1, SeqCst);
                        table.finish(seat.number());
                    }
                })
            })
            .collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
}

/// The table by itself, with flights that are numbers.
type Numbered = Table<&'static str, u32, Arc<()>>;

/// One thread, and so one order.
fn alone(scene: impl Fn() + Send + Sync + 'static) {
    shuttle::check_random(scene, 1);
}

/// Joins, with a line of this number if there is no flight. What holds a new flight up is seen through a weak pointer.
fn join(table: &Arc<Numbered>, line: u32) -> Joined<&'static str, u32, Arc<()>, Weak<()>> {
    table.join(&"key", Instant::now(), || {
        let held = Arc::new(());
        let seen = Arc::downgrade(&held);
        (line, held, seen)
    })
}

fn lead(table: &Arc<Numbered>, line: u32) -> (Seat<&'static str, u32, Arc<()>>, Weak<()>) {
    match join(table, line) {
        Joined::Leads(seat, of, held) if of == line => (seat, held),
        other => panic!("{other:?}"),
    }
}

fn follow(table: &Arc<Numbered>, line: u32) -> Seat<&'static str, u32, Arc<()>> {
    match join(table, 99) {
        Joined::Follows(seat, of) if of == line => seat,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_first_leads_and_others_follow_until_it_has_finished() {
    alone(|| {
        let table = Arc::new(Numbered::new());
        let (leader, _held) = lead(&table, 1);
        let follower = follow(&table, 1);
        assert_eq!(follower.number(), leader.number());
        table.finish(leader.number());
        let (_next, _held) = lead(&table, 2);
        assert_eq!(table.len(), 1);
    });
}

#[test]
fn a_flight_is_cut_off_when_the_last_one_leaves_and_not_before() {
    alone(|| {
        let table = Arc::new(Numbered::new());
        let (leader, held) = lead(&table, 1);
        let follower = follow(&table, 1);
        drop(leader);
        assert!(held.upgrade().is_some(), "one waits still");
        drop(follower);
        assert!(held.upgrade().is_none());
        assert_eq!(table.len(), 0);
        let (_next, _held) = lead(&table, 2);
    });
}

#[test]
fn a_forgotten_flight_goes_on_for_those_who_wait_and_does_not_touch_the_next() {
    alone(|| {
        let table = Arc::new(Numbered::new());
        let (old, old_held) = lead(&table, 1);
        table.forget(&"key");
        let (new, new_held) = lead(&table, 2);
        assert!(old_held.upgrade().is_some());
        table.finish(old.number());
        drop(old);
        drop(follow(&table, 2));
        assert!(new_held.upgrade().is_some(), "the leader waits still");
        drop(new);
        assert!(new_held.upgrade().is_none());
        assert_eq!(table.len(), 0);
    });
}

#[test]
fn keys_that_are_set_apart_are_not_joined_until_they_are_reunited() {
    alone(|| {
        let table = Arc::new(Numbered::new());
        let now = Instant::now();
        table.set_apart(&"key", now + Duration::from_secs(60), now);
        assert!(matches!(join(&table, 1), Joined::Apart));
        table.reunite(&"key");
        let (_seat, _held) = lead(&table, 1);
        table.set_apart(&"key", now + Duration::from_secs(60), now);
        table.forget(&"key");
        let (_seat, _held) = lead(&table, 2);
    });
}
