//! Banyan beside its peers: the same work, in the same run, on the same two cores.
//!
//! The server under test has core 0 for itself; the load generator and the origin share core 1. Rounds go over all
//! candidates in turn (A B C, A B C, ...), because a shared machine drifts by more than the differences of interest:
//! ratios within one run mean something, figures of different runs do not.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool talks to its terminal")]

mod backend;
mod client;
mod items;
mod machine;
mod open_loop;
mod origin;
mod peers;
mod poll;
mod process;
mod record;
mod replay;
mod rollout;
mod server;
mod stats;
mod table;
mod traffic;
mod work;
mod wrk;

use std::process::ExitCode;

use anyhow::ensure;
use clap::{Args, Parser, Subcommand};

use self::origin::Answers;

/// Measure Banyan and its peers in one run.
#[derive(Parser)]
#[command(bin_name = "cargo xtask bench")]
struct Cli {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// CPU time per request of plain proxying: 1 KiB of JSON, 64 connections
    PassThrough(Options),
    /// The same through a unit: sticky split, metrics, access log
    Unit(Options),
    /// What the patterns of calling an upstream (breaker, retry, limit and so on) add to plain proxying
    Resilience(Options),
    /// The same with 10 and with 10,000 routes
    Routes(Options),
    /// Memory at 0, 1,000 and 10,000 idle connections
    Idle(Options),
    /// Latency added at a low fixed rate
    Latency(Options),
    /// What circuit breakers cost a call that passes: ours and three from crates.io
    Breaker(Options),
    /// CPU time per answer from memory: 1 and 10 KiB of JSON, one key and 10,000
    Cache(CacheOptions),
    /// What coalescing alone spares an upstream when many requests have twins
    Coalesce(Options),
    /// Upstream calls and waits when a hot item's time is over, again and again
    Stampede(Options),
    /// All of these, one after the other
    All(Options),
    /// The incident replay: what becomes of good answers when a database falters in a surge
    Replay(replay::Options),
    /// The judge of rollouts on trial: how soon it sees what is worse, and how often what is not there
    Rollout(rollout::Options),
    /// Write the newest runs into the README's tables
    Table,
    /// The origin that the others proxy to
    #[command(hide = true)]
    Origin {
        /// Port on the loopback address
        port: u16,
    },
    /// What a hit costs at least: answers to items, ready in memory
    #[command(hide = true)]
    Floor {
        /// Port on the loopback address
        port: u16,
        /// Number of items
        keys: usize,
        /// Bytes of each
        bytes: usize,
    },
    /// One system of the incident replay, with its database and its callers
    #[command(hide = true)]
    Lane(replay::lane::Place),
    /// The naive client of the incident replay
    #[command(hide = true)]
    Naive {
        /// Port on the loopback address
        port: u16,
        /// The database
        origin: std::net::SocketAddr,
    },
}

/// How to measure.
#[derive(Args, Clone)]
struct Options {
    /// How often each candidate is measured
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(3..=100))]
    rounds: u32,
    /// Short rounds: shows that everything works, gives no figures to publish; keeps no record
    #[arg(long)]
    quick: bool,
    /// Measure only candidates whose name contains one of these
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// What randomness is drawn from, where there is any; each round draws from the next number
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// How to measure caches.
#[derive(Args, Clone)]
struct CacheOptions {
    #[command(flatten)]
    options: Options,
    /// What is asked for; all of these without it
    #[arg(long, value_delimiter = ',')]
    shape: Vec<work::Shape>,
}

fn main() -> ExitCode {
    match run(Cli::parse().what) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(what: What) -> anyhow::Result<()> {
    let (works, options) = match what {
        What::Table => return table::update_readme(),
        What::Origin { port } => return origin::serve(port, &Answers::same()),
        What::Floor { port, keys, bytes } => return origin::serve(port, &Answers::items(keys, bytes)),
        What::Naive { port, origin } => return replay::naive::serve(port, origin),
        What::Lane(place) => return replay::lane::play(place),
        What::Replay(options) => return replay::replay(&options),
        What::Rollout(options) => return rollout::simulate(&options),
        What::PassThrough(options) => (vec![work::pass_through()], options),
        What::Unit(options) => (vec![work::unit()], options),
        What::Resilience(options) => (vec![work::resilience()], options),
        What::Routes(options) => (vec![work::routes()], options),
        What::Idle(options) => (vec![work::idle()], options),
        What::Latency(options) => (vec![work::latency()], options),
        What::Breaker(options) => (vec![work::breaker()], options),
        What::Cache(CacheOptions { options, shape }) => (work::caches(&shape), options),
        What::Coalesce(options) => (vec![work::coalesce()], options),
        What::Stampede(options) => (work::stampedes(), options),
        What::All(options) => (work::all(), options),
    };
    machine::prepare()?;
    let mut missed = Vec::new();
    for work in works {
        let run = work.measure(&options)?;
        print!("\n{}", table::render(&run)?);
        if !options.quick {
            println!("kept in {}", run.keep()?.display());
        }
        match work.bar.map(|judge| judge(&run)) {
            Some(Ok(reached)) => println!("{reached}"),
            Some(Err(error)) => missed.push(format!("{error:#}")),
            None => {}
        }
    }
    ensure!(missed.is_empty(), "{}", missed.join("\n       "));
    Ok(())
}
