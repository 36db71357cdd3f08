//! What an evaluation costs in process: `cargo run --release -p banyan-flags --example evaluation_cost`.
//!
//! Prints nanoseconds per evaluation, the best of several rounds, since everything that disturbs a round makes it slower.

use std::{error::Error, hint::black_box, time::Instant};

use banyan_flags::{Context, Definition, FlagSet, UnitFlag};
use serde_json::json;

const ROUNDS: usize = 20;
const EVALUATIONS: u32 = 100_000;

/// Nanoseconds of one call.
fn cost(mut call: impl FnMut()) -> f64 {
    let round = |call: &mut dyn FnMut()| {
        let start = Instant::now();
        (0..EVALUATIONS).for_each(|_| call());
        start.elapsed().as_secs_f64() * 1e9 / f64::from(EVALUATIONS)
    };
    (0..ROUNDS).map(|_| round(&mut call)).fold(f64::INFINITY, f64::min)
}

fn flags() -> Result<FlagSet, Box<dyn Error>> {
    let flags = json!({
        "fixed": { "default": "on" },
        "percent": { "percent": "5%" },
        "segments": { "percent": "5%", "overlap": "first", "segments": [
            { "name": "staff", "when": [{ "attribute": "email", "suffix": "@example.org" }], "variant": "on" },
            { "name": "new-apps", "when": [{ "attribute": "app.version", "semver": ">=3" }], "percent": "50%" },
            { "name": "german", "when": [
                { "attribute": "country", "in": ["de", "at", "ch"] },
                { "attribute": "age", "range": { "from": 18, "to": 30 } },
            ], "percent": "50%" },
        ] },
        "first": { "percent": "100%", "prerequisites": [{ "flag": "second", "variant": "on" }] },
        "second": { "percent": "99.99%", "prerequisites": [{ "flag": "third", "variant": "on" }] },
        "third": { "percent": "99.99%" },
    });
    let definitions = flags.as_object().into_iter().flatten();
    let definitions =
        definitions.map(|(key, value)| Definition::read_as(key, value)).collect::<Result<Vec<_>, _>>();
    let definitions = definitions.map_err(|faults| format!("{faults:?}"))?;
    Ok(FlagSet::new(definitions, &[]).map_err(|faults| format!("{faults:?}"))?)
}

#[expect(clippy::print_stdout, reason = "a table for whoever runs it by hand")]
fn main() -> Result<(), Box<dyn Error>> {
    let set = flags()?;
    let json = json!({
        "targetingKey": "user-4711", "email": "somebody@example.com", "country": "de", "age": 29,
        "app": { "version": "2.14.3", "os": "linux" }, "plan": "pro", "beta": false,
    });
    let context = Context::from_json(&json)?;
    let text = json.to_string();
    for (name, key) in [
        ("one variant for all", "fixed"),
        ("percentage", "percent"),
        ("3 segments, the third matches", "segments"),
        ("prerequisite chain of 2", "first"),
    ] {
        let nanos = cost(|| {
            black_box(set.evaluate(black_box(key), black_box(&context)));
        });
        println!("{name:<34} {nanos:>8.1} ns  {}", set.evaluate(key, &context).reason);
    }
    let (unit, percent) = (UnitFlag::new("articles", "articles"), "5%".parse()?);
    let nanos = cost(|| {
        black_box(unit.evaluate(percent, black_box(&context)));
    });
    println!("{:<34} {nanos:>8.1} ns", "a unit of migration");
    let nanos = cost(|| {
        let _parsed = black_box(Context::parse(black_box(text.as_bytes())));
    });
    println!("{:<34} {nanos:>8.1} ns", "making the context from its text");
    let nanos = cost(|| {
        black_box(black_box(&context).fingerprint());
    });
    println!("{:<34} {nanos:>8.1} ns", "the context's fingerprint");
    Ok(())
}
