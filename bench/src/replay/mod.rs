//! The incident replay: a usual day, a surge, a database that falters in it, and what becomes of good answers.
//!
//! The other measurements ask what a gateway costs while all is well. This one asks what it is worth when it is not.
//! Every system stands between its own callers and its own database, which follow the same script at the same time on
//! the same machine; `docs/replay.md` says what is played, what is measured, and why.

mod answer;
mod bars;
mod callers;
mod chart;
mod database;
mod dice;
mod facts;
mod kept;
pub(crate) mod lane;
pub(crate) mod naive;
mod rig;
mod run;
mod scenario;
mod schedule;
mod scrape;
mod socket;
mod stub;
mod systems;
mod table;
mod tally;
mod token;
mod watch;

use anyhow::ensure;
use clap::{Args, ValueEnum};

use self::{facts::Facts, kept::Run, scenario::Name, systems::System};
use crate::machine;

/// What to replay.
#[derive(Args, Clone)]
pub(crate) struct Options {
    /// S2 with Banyan, the naive client and HAProxy as it comes; under 3 minutes; keeps no record
    #[arg(long, conflicts_with_all = ["scenario", "system"])]
    quick: bool,
    /// Scenarios, such as S2,S3; all of them without it
    #[arg(long, value_delimiter = ',', ignore_case = true)]
    scenario: Vec<Name>,
    /// Systems, such as banyan,naive; all of them without it
    #[arg(long, value_delimiter = ',')]
    system: Vec<System>,
    /// What randomness is drawn from
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Measure nothing; write tables and charts of the newest runs
    #[arg(long, conflicts_with_all = ["quick", "scenario", "system"])]
    table: bool,
}

/// Replays, keeps what was measured, and says what it means.
///
/// # Errors
/// When something cannot be started or written; when a run is void; when Banyan misses a bar.
pub(crate) fn replay(options: &Options) -> anyhow::Result<()> {
    if options.table {
        return table::write_all();
    }
    machine::prepare()?;
    let (scenarios, systems) = options.what();
    let mut complaints = Vec::new();
    for name in scenarios {
        let run = run::run(&name.scenario(), &systems_of(name, &systems), options.seed)?;
        println!("\n{}", table::render(&run)?);
        if !options.quick {
            println!("kept in {}", run.keep()?.display());
        }
        complaints.extend(run.void().into_iter().map(|reason| format!("{name:?} is void: {reason}")));
        complaints.extend(missed(&run));
    }
    if !options.quick {
        table::write_all()?;
    }
    ensure!(complaints.is_empty(), "{}", complaints.join("\n       "));
    Ok(())
}

impl Options {
    fn what(&self) -> (Vec<Name>, Vec<System>) {
        if self.quick {
            return (vec![Name::S2], vec![System::Banyan, System::Naive, System::Haproxy]);
        }
        (or_all(&self.scenario), or_all(&self.system))
    }
}

fn or_all<T: ValueEnum>(wanted: &[T]) -> Vec<T> {
    if wanted.is_empty() { T::value_variants().to_vec() } else { wanted.to_vec() }
}

/// In S6 each system has a naive client in front of it first. What happens to those that cannot come back is known
/// from the other scenarios, and their jams would only burn time that belongs to the ones of interest.
fn systems_of(name: Name, wanted: &[System]) -> Vec<System> {
    let of_interest =
        |system: &System| name != Name::S6 || !matches!(system, System::Nginx | System::Haproxy);
    let chosen: Vec<_> = wanted.iter().copied().filter(of_interest).collect();
    if chosen.is_empty() { wanted.to_vec() } else { chosen }
}

/// The bars that Banyan missed.
fn missed(run: &Run) -> Vec<String> {
    let name = System::Banyan.candidate().name;
    let banyan = run.systems.iter().filter(|measured| measured.name == name);
    let verdicts = banyan.flat_map(|one| bars::judge(run.scenario.name, &Facts::of(one, &run.scenario)));
    let missed = verdicts.filter(|verdict| !verdict.passed);
    missed
        .map(|verdict| {
            format!("{:?}: {name} missed: {} ({})", run.scenario.name, verdict.bar, verdict.measured)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_banyan_is_held_to_the_bars() {
        let mut run = table::tests::run();
        assert_eq!(missed(&run), [""; 0]);
        run.systems[1].name = "Banyan".to_owned();
        assert!(missed(&run).iter().any(|text| text.contains("back within 10 s (never)")));
    }

    #[test]
    fn the_switch_is_played_with_those_of_interest() {
        assert_eq!(systems_of(Name::S6, &[System::Banyan, System::Nginx]), [System::Banyan]);
        assert_eq!(systems_of(Name::S6, &[System::Nginx]), [System::Nginx]);
        assert_eq!(systems_of(Name::S2, System::value_variants()).len(), 5);
    }
}
