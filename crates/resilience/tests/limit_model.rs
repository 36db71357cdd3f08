//! The adaptive limit against the incident replay's database, with nothing set by hand.
//!
//! `cargo test -p banyan-resilience --test limit_model -- --nocapture --test-threads 1` prints what was measured.

mod model;

use std::ops::Range;

use banyan_resilience::limit::Settings;

use self::model::{Report, Scatter, Scenario};

/// The most in flight at a knee of 49.
const PEAK: usize = 58;

/// 833 requests per second, and from 30 s on the surge to 1,167.
fn surge(name: &str, seconds: f64) -> Scenario {
    Scenario::new(name, seconds).load(0.0, 833.0).load(30.0, 1167.0)
}

/// The same for another knee: 68 % and 95 % of what it can bear.
fn surge_at(name: &str, seconds: f64, knee: fn(f64) -> f64) -> Scenario {
    let capacity = Scenario::new(name, 0.0).knee(knee).capacity(0.0);
    Scenario::new(name, seconds).knee(knee).load(0.0, 0.68 * capacity).load(30.0, 0.95 * capacity)
}

#[expect(clippy::print_stdout, reason = "the table is what one runs this for")]
fn run(scenario: Scenario, when: Range<f64>) -> Report {
    let report = scenario.run();
    println!("{}\n{}", Report::heading(), report.row(when));
    report
}

#[test]
fn s1_the_surge_costs_nothing() {
    let report = run(surge("S1 surge", 120.0), 0.0..120.0);
    assert!(report.goodput(30.0..120.0) >= 0.99);
    assert_eq!(report.refused_within(0.0..120.0), 0);
    assert!(report.peak(0.0..120.0) <= PEAK, "{}", report.peak(0.0..120.0));
    assert!(report.quantile(0.99, 0.0..120.0) <= 250.0);
}

#[test]
fn s2_a_blip_in_the_surge_is_over_when_it_is_over() {
    let report = run(surge("S2 blip of 10 s", 100.0).slow(60.0..70.0, 3.0), 60.0..70.0);
    assert!(report.goodput(60.0..70.0) >= 0.95);
    assert!(report.goodput(60.0..100.0) >= 0.95);
    assert!(report.peak(0.0..100.0) <= PEAK);
    assert!(report.refusal_quantile(0.99, 0.0..100.0) <= 50.0);
    assert!(report.back_after(70.0, 100.0, 0.99) <= 10.0);
}

#[test]
fn s3_a_dependency_slow_by_itself_is_not_throttled_for_it() {
    let report = run(surge("S3 slow for 60 s", 150.0).slow(60.0..120.0, 3.0), 60.0..120.0);
    assert!(report.goodput(60.0..120.0) >= 0.95);
    assert!(report.peak(0.0..150.0) <= PEAK);
    assert!(report.quantile(0.99, 0.0..150.0) <= 500.0);
    assert!(report.refusal_quantile(0.99, 0.0..150.0) <= 50.0);
    assert!(report.back_after(120.0, 150.0, 0.99) <= 10.0);
}

#[test]
fn s7_thirty_minutes_below_capacity_refuse_nobody() {
    for (name, rate) in [("S7 steady 833/s", 833.0), ("S7 steady 1167/s", 1167.0)] {
        let report = run(Scenario::new(name, 1800.0).load(0.0, rate), 0.0..1800.0);
        assert_eq!(report.refused_within(0.0..1800.0), 0, "{name}, the cold start included");
        assert!(report.peak(0.0..1800.0) <= PEAK);
    }
}

#[test]
fn s5_five_times_the_load_does_not_move_the_knee() {
    let report = run(surge("S5 callers retry: 5,835/s", 100.0).load(40.0, 5835.0), 40.0..100.0);
    assert!(report.goodput(40.0..100.0) >= 0.95);
    assert!(report.peak(0.0..100.0) <= PEAK);
    assert!(report.refusal_quantile(0.99, 40.0..100.0) <= 50.0);
}

#[test]
fn a_cold_start_into_a_slow_dependency_finds_the_knee_too() {
    let report =
        run(Scenario::new("cold start, slow", 60.0).load(0.0, 1167.0).slow(0.0..60.0, 3.0), 5.0..60.0);
    assert!(report.goodput(5.0..60.0) >= 0.95);
    assert!(report.peak(0.0..60.0) <= PEAK);
}

#[test]
fn errors_within_a_millisecond_teach_the_limit_nothing() {
    let report = run(surge("errors for 10 s", 90.0).errors(50.0..60.0), 60.0..90.0);
    assert!(report.back_after(60.0, 90.0, 0.99) <= 10.0);
    assert!(report.peak(60.0..90.0) <= PEAK);
    assert_eq!(report.refused_within(60.0..90.0), 0);
}

#[test]
fn a_dependency_that_hung_is_used_fully_again() {
    let report = run(surge("hangs for 10 s", 100.0).hangs(50.0..60.0), 60.0..100.0);
    assert!(report.back_after(60.0, 100.0, 0.99) <= 10.0);
    assert!(report.peak(0.0..100.0) <= PEAK);
    assert!(report.refusal_quantile(0.99, 50.0..60.0) <= 50.0);
}

#[test]
fn other_knees_are_found_as_well() {
    for (name, knee, peak) in [
        // The start of 20 is forgotten down to its half while nothing is known of levels above what is used, not further:
        // small bursts must not be refused. So with such a knee the first moments of a fault see 10.
        ("knee 5", (|_| 5.0) as fn(f64) -> f64, 10),
        ("knee 150", |_| 150.0, 180),
    ] {
        let report = run(surge_at(&format!("S1 {name}"), 90.0, knee), 30.0..90.0);
        assert!(report.goodput(30.0..90.0) >= 0.99);
        assert!(report.peak(0.0..90.0) <= peak, "{}", report.peak(0.0..90.0));
        let report = run(surge_at(&format!("S2 {name}"), 90.0, knee).slow(60.0..70.0, 3.0), 60.0..80.0);
        assert!(report.goodput(60.0..80.0) >= 0.95);
        assert!(report.back_after(70.0, 90.0, 0.99) <= 10.0);
        let report = run(surge_at(&format!("S3 {name}"), 120.0, knee).slow(60.0..120.0, 3.0), 60.0..120.0);
        assert!(report.goodput(60.0..120.0) >= 0.95);
        assert!(report.peak(0.0..120.0) <= peak, "{}", report.peak(0.0..120.0));
    }
}

/// From 49 to 35 within half an hour, and up to 60 in the next.
fn drifting(at: f64) -> f64 {
    let share = (at / 1800.0).min(2.0);
    if share < 1.0 { 14.0f64.mul_add(-share, 49.0) } else { 25.0f64.mul_add(share - 1.0, 35.0) }
}

#[test]
fn a_knee_that_drifts_is_followed() {
    let scenario = Scenario::new("knee 49 to 35 to 60 in 1 h", 3600.0).knee(drifting).load(0.0, 1300.0);
    let report = run(scenario, 0.0..3600.0);
    for minute in 0..60 {
        let (from, to) = (f64::from(minute) * 60.0, f64::from(minute) * 60.0 + 60.0);
        let goodput = report.goodput(from..to);
        assert!(goodput >= 0.95, "minute {minute}: {goodput}");
        let knee = drifting(from).max(drifting(to));
        let peak = report.peak(from..to);
        assert!(peak as f64 <= 1.2 * knee + 1.0, "minute {minute}: {peak} in flight at a knee of {knee}");
    }
}

#[test]
fn a_limit_that_nobody_needs_does_not_grow() {
    for scatter in [Scatter::None, Scatter::Exponential] {
        let scenario = Scenario::new("200/s", 600.0).load(0.0, 200.0).scatter(scatter);
        let report = run(scenario, 0.0..600.0);
        assert_eq!(report.refused_within(0.0..600.0), 0);
        assert!(report.limit(599.0) <= 20, "{}", report.limit(599.0));
    }
}

#[test]
fn where_service_times_scatter_the_bars_hold_on_average() {
    for scatter in [Scatter::Exponential, Scatter::Lognormal] {
        let mut goodput = [0.0; 4];
        for seed in 1..=4 {
            let run = |name: &str, scenario: Scenario, when| {
                run(
                    Scenario {
                        name: format!("{name} {scatter:?} {seed}"),
                        ..scenario.scatter(scatter).seed(seed)
                    },
                    when,
                )
            };
            let s1 = run("S1", surge("", 90.0), 30.0..90.0);
            let s2 = run("S2", surge("", 100.0).slow(60.0..70.0, 3.0), 60.0..80.0);
            let s3 = run("S3", surge("", 120.0).slow(60.0..120.0, 3.0), 60.0..120.0);
            let back = s2.goodput(80.0..100.0);
            for (sum, value) in goodput.iter_mut().zip([
                s1.goodput(30.0..90.0),
                s2.goodput(60.0..80.0),
                s3.goodput(60.0..120.0),
                back,
            ]) {
                *sum += value / 4.0;
            }
            // Below capacity less than a hundredth is refused, and of those some have waited before they could know.
            for overloaded in [&s2, &s3] {
                assert!(overloaded.refusal_quantile(0.99, 0.0..90.0) <= 60.0);
            }
            for report in [&s1, &s2, &s3] {
                // The knee is seen only as well as the scatter allows.
                assert!(report.peak(0.0..90.0) <= 64, "{}", report.peak(0.0..90.0));
            }
        }
        let [s1, s2, s3, back] = goodput;
        assert!(s1 >= 0.99 && s2 >= 0.95 && s3 >= 0.95 && back >= 0.99, "{scatter:?}: {goodput:?}");
    }
}

#[test]
fn a_fixed_limit_stays_where_it_is() {
    let settings = Settings::fixed(30).expect("30 is allowed");
    let report = run(surge("fixed 30", 60.0).settings(settings), 30.0..60.0);
    assert_eq!(report.peak(0.0..60.0), 30);
    assert!(report.goodput(31.0..60.0) >= 0.63, "30 places do 750 of 1,167");
}
