//! A service that answers while what it depends on does not: the library at work, and the same service without it.
//!
//! `GET /profiles/{id}` joins a profile from three dependencies over HTTP: `users`, without which there is no profile, and
//! `recommendations` and `reviews`, without which there is one that says what it lacks. Of ten questions to each of them one
//! fails (a 500, a broken connection, half a JSON) and two are answered after two to five seconds.
//!
//! ```text
//! cargo run -p banyan-resilience --example profile
//! cargo run -p banyan-resilience --example profile -- --requests 500 --seed 7
//! cargo run -p banyan-resilience --example profile -- --serve
//! ```
//!
//! The first two ask both services for the same profiles at the same moments, with the same faults, and print what came of
//! it. They end with an error unless the service with the library answered every request with the right user. The third one
//! only serves, for people with curl.
//!
//! Begin to read in `world/policies.rs`, then `world/resilient.rs`.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program that prints a table")]

mod args;
mod table;
mod world;

use std::process::ExitCode;

use self::{
    args::{Args, Mode},
    world::{Load, SetUpError, World},
};

#[tokio::main]
async fn main() -> ExitCode {
    let args = match Args::read(std::env::args().skip(1)) {
        Ok(args) => args,
        Err(error) => {
            eprintln!("{error}\n\n{}", args::USAGE);
            return ExitCode::from(2);
        }
    };
    let ended = match args.mode {
        Mode::Help => {
            println!("{}", args::USAGE);
            Ok(true)
        }
        Mode::Serve => serve(args.seed).await.map(|()| true),
        Mode::Compare => compare(args).await,
    };
    match ended {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Asks both services, and says whether the one with the library did what it is for.
async fn compare(Args { requests, per_second, seed, .. }: Args) -> Result<bool, SetUpError> {
    let world = World::start(seed).await?;
    let load = Load { requests, per_second, seed };
    println!("{requests} requests to each service, {per_second} a second, seed {seed}.");
    println!("Of ten questions to each dependency one fails and two are answered after 2 to 5 s.\n");
    let (with, without) = tokio::join!(load.run(world.resilient), load.run(world.plain));
    print!("{}", table::services(&[("with the library", &with), ("without it", &without)]));
    println!("Times are those of answers with the right user, from when a request was due.\n");
    println!("What the library did for it:");
    print!("{}", table::policies(&world.counts.all()));
    let is_kept = with.right_user() == with.all();
    if !is_kept {
        println!("\nThe service with the library did not answer every request with the right user.");
    }
    Ok(is_kept)
}

async fn serve(seed: u64) -> Result<(), SetUpError> {
    let world = World::start(seed).await?;
    println!(
        "{world}
There are users 1 to 40. Ctrl-C ends it."
    );
    tokio::signal::ctrl_c().await?;
    Ok(())
}
