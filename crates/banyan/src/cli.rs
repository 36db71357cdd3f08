//! The command line.
mod cache;
mod flag;
mod rollout;

use std::{path::PathBuf, time::Duration};

use banyan_flags::Percent;
use clap::{Args, Parser, Subcommand, ValueEnum};

pub(crate) use self::{
    cache::{CacheAction, Purge, Warm, What},
    flag::{EvaluateFlag, FlagAction, SetFlag},
    rollout::{Abort, RolloutAction, Watch},
};

/// Replaces a live backend piece by piece, and keeps answering when a piece fails.
#[derive(Debug, Parser)]
#[command(name = "banyan", version, propagate_version = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Say everything that is wrong with a config; open nothing
    Check {
        /// The config file
        config: PathBuf,
    },
    /// Run the gateway
    Serve {
        /// The config file
        config: PathBuf,
        /// How log events look on standard error
        #[arg(long, value_enum, default_value_t = LogFormat::Json)]
        log: LogFormat,
    },
    /// Say what would happen to a request, or what a code of the access log means
    #[command(
        override_usage = "banyan explain CODE\n       banyan explain CONFIG METHOD PATH [--as SUBJECT] [--header 'NAME: VALUE']..."
    )]
    Explain(Explain),
    /// See and move units on a running gateway
    Unit {
        #[command(subcommand)]
        action: UnitAction,
    },
    /// Let a unit go up by itself on a running gateway, on evidence: start, watch, pause, abort
    Rollout {
        #[command(subcommand)]
        action: RolloutAction,
    },
    /// See the nodes that share the store of a running gateway, and whether all run the same
    Nodes(Remote),
    /// See and change flags on a running gateway, and ask what they say for somebody
    Flag {
        #[command(subcommand)]
        action: FlagAction,
    },
    /// See in what the two sides of a unit differ on a running gateway, how surely, and how to see it oneself
    Diff(Diff),
    /// See circuit breakers on a running gateway, and hold them open or closed for a while
    Breaker {
        #[command(subcommand)]
        action: BreakerAction,
    },
    /// Make faults on purpose on a running gateway that is not in production
    Chaos {
        #[command(subcommand)]
        action: ChaosAction,
    },
    /// See what is kept of answers on a running gateway, throw it away, and have it fetched
    Cache {
        #[command(subcommand)]
        action: CacheAction,
    },
    /// See what changed lately on a running gateway: reloads, units, rollouts, flags, breakers, faults, the cache
    Timeline(Timeline),
    /// See the upstreams of a running gateway and their endpoints
    Upstreams(Remote),
    /// See how a running gateway is: config, generation, last reload error
    Status(Remote),
    /// Have a running gateway read its config again
    Reload(Remote),
    /// Print the JSON Schema of the config, for editors
    Schema,
    /// Run everything embedded: an old site, new services, visitors, the gateway; or the story of an incident
    Demo(Demo),
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page
    Man,
}

/// What to explain.
#[derive(Debug, Args)]
pub(crate) struct Explain {
    /// A code of the access log such as UT, or a config file
    pub(crate) subject: String,
    /// Method of a request
    #[arg(requires = "path")]
    pub(crate) method: Option<http::Method>,
    /// Path of a request
    pub(crate) path: Option<String>,
    /// The subject, instead of looking for one in the fields
    #[arg(long = "as", value_name = "SUBJECT")]
    pub(crate) subject_is: Option<String>,
    /// A field of the request, such as 'x-user-id: 42'
    #[arg(long, value_name = "NAME: VALUE")]
    pub(crate) header: Vec<String>,
    /// The host of the request
    #[arg(long, default_value = "")]
    pub(crate) host: String,
    /// Take the units' percentages from the config, even if a gateway runs and says otherwise
    #[arg(long)]
    pub(crate) offline: bool,
}

/// What to do with units.
#[derive(Debug, Subcommand)]
pub(crate) enum UnitAction {
    /// All units in a table
    List(Remote),
    /// One unit: where it stands, what was counted, what differs
    Show {
        /// The unit
        name: String,
        #[command(flatten)]
        remote: Remote,
    },
    /// Move a unit to a percentage
    Set {
        /// The unit
        name: String,
        /// The share of subjects on the replacement, such as 5% or 0.25%
        percent: Percent,
        #[command(flatten)]
        change: Change,
    },
    /// Freeze a unit where it is, until it is released
    Hold {
        /// The unit
        name: String,
        #[command(flatten)]
        change: Change,
    },
    /// Let a held unit move again
    Release {
        /// The unit
        name: String,
        #[command(flatten)]
        change: Change,
    },
    /// Send everybody back to legacy; works on a held unit too
    Back {
        /// The unit
        name: String,
        #[command(flatten)]
        change: Change,
    },
    /// Forget what was set at run time, so that the config decides again
    Reset {
        /// The unit
        name: String,
        #[command(flatten)]
        change: Change,
    },
    /// Who changed a unit, when, to what and why
    History {
        /// The unit
        name: String,
        #[command(flatten)]
        remote: Remote,
    },
}

/// What to do with circuit breakers.
#[derive(Debug, Subcommand)]
pub(crate) enum BreakerAction {
    /// All breakers in a table: what they do, for how long still, and why
    List(Remote),
    /// Refuse every call to an upstream for a while; ends by itself, and with a restart
    Open {
        /// The upstream
        name: String,
        #[command(flatten)]
        hold: Hold,
    },
    /// Let every call to an upstream pass for a while, whatever fails; ends by itself, and with a restart
    Close {
        /// The upstream
        name: String,
        #[command(flatten)]
        hold: Hold,
    },
    /// Let a breaker judge by itself again; one that was held open lets a few calls try first
    Auto {
        /// The upstream
        name: String,
        #[command(flatten)]
        change: Change,
    },
}

/// For how long, by whom and why.
#[derive(Debug, Args)]
pub(crate) struct Hold {
    /// For how long, 1s to 24h
    #[arg(long = "for", value_name = "TIME", default_value = "10m")]
    pub(crate) lasts: String,
    #[command(flatten)]
    pub(crate) change: Change,
}

/// What to do with faults.
#[derive(Debug, Subcommand)]
pub(crate) enum ChaosAction {
    /// All faults in a table, those of the config and those switched
    List(Remote),
    /// Make faults for a while; ends by itself, and with a restart
    Set(Box<SetFaults>),
    /// Make no faults for a while, whatever the config says
    Off {
        #[command(flatten)]
        target: Target,
        #[command(flatten)]
        switching: Switching,
    },
    /// Let the config hold again
    Clear {
        #[command(flatten)]
        target: Target,
        #[command(flatten)]
        who: Who,
    },
}

/// Which faults, for what, for how long.
#[derive(Debug, Args)]
pub(crate) struct SetFaults {
    #[command(flatten)]
    pub(crate) target: Target,
    #[command(flatten)]
    pub(crate) faults: Faults,
    #[command(flatten)]
    pub(crate) switching: Switching,
}

/// What faults are made for.
#[derive(Debug, Args)]
pub(crate) struct Target {
    /// Whether an upstream or a route is meant
    #[arg(value_enum)]
    pub(crate) kind: TargetKind,
    /// Name of the upstream, or path template of the route such as '/users/{id}'
    pub(crate) name: String,
}

/// Kinds of targets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum TargetKind {
    /// All calls to an upstream
    Upstream,
    /// Calls for routes with a path template
    Route,
}

/// Which faults, as the config's `chaos` has them.
#[derive(Debug, Default, Args)]
pub(crate) struct Faults {
    /// Share of requests that fail before the upstream is asked, such as 10%
    #[arg(long, value_name = "SHARE")]
    pub(crate) fail: Option<String>,
    /// The status they fail with; 503 unless given
    #[arg(long, conflicts_with = "fail_with")]
    pub(crate) status: Option<u16>,
    /// How they fail: 'status', or 'reset' as if the connection had been reset
    #[arg(long, value_name = "HOW")]
    pub(crate) fail_with: Option<String>,
    /// Share of requests that are slowed
    #[arg(long, value_name = "SHARE")]
    pub(crate) slow: Option<String>,
    /// By how much they are slowed, such as 2s or 2s..5s
    #[arg(long, value_name = "TIME")]
    pub(crate) by: Option<String>,
    /// Share of answers whose connection is reset within the body
    #[arg(long, value_name = "SHARE")]
    pub(crate) reset: Option<String>,
    /// Share of answers whose body ends early and seems complete
    #[arg(long, value_name = "SHARE")]
    pub(crate) truncate: Option<String>,
    /// Share of answers with changed bytes in the body
    #[arg(long, value_name = "SHARE")]
    pub(crate) corrupt: Option<String>,
    /// Only for this share of subjects, always the same ones
    #[arg(long, value_name = "SHARE")]
    pub(crate) subjects: Option<String>,
    /// Only for requests with this field, such as 'x-debug: yes'
    #[arg(long, value_name = "NAME: VALUE")]
    pub(crate) header: Vec<String>,
}

/// For how long, by whom and why.
#[derive(Debug, Args)]
pub(crate) struct Switching {
    /// For how long, 1s to 24h
    #[arg(long = "for", value_name = "TIME", default_value = "10m")]
    pub(crate) lasts: String,
    #[command(flatten)]
    pub(crate) who: Who,
}

/// By whom and why. Not `--by`, which is a delay beside it.
#[derive(Debug, Args)]
pub(crate) struct Who {
    /// Why, for the audit log
    #[arg(long, default_value = "")]
    pub(crate) why: String,
    /// Who, for the audit log; your login name unless given
    #[arg(long, env = "USER", default_value = "")]
    pub(crate) who: String,
    #[command(flatten)]
    pub(crate) remote: Remote,
}

/// What to see of a comparison.
#[derive(Debug, Args)]
pub(crate) struct Diff {
    /// The unit
    pub(crate) unit: String,
    /// Show also where the answering side differs from itself
    #[arg(long)]
    pub(crate) all: bool,
    #[command(flatten)]
    pub(crate) remote: Remote,
}

/// How to see the timeline.
#[derive(Debug, Args)]
pub(crate) struct Timeline {
    /// Go on with what changes from now on, until Ctrl-C; with --json one entry per line
    #[arg(short, long)]
    pub(crate) follow: bool,
    #[command(flatten)]
    pub(crate) remote: Remote,
}

/// A change by hand.
#[derive(Debug, Args)]
pub(crate) struct Change {
    /// Why, for the history
    #[arg(long, default_value = "")]
    pub(crate) why: String,
    /// Who, for the history; your login name unless given
    #[arg(long, env = "USER", default_value = "")]
    pub(crate) by: String,
    #[command(flatten)]
    pub(crate) remote: Remote,
}

/// Which running gateway. Without any of these, `banyan.yaml` in this folder says where it is.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Remote {
    /// The gateway's config file: says where its admin API and token are
    #[arg(short, long, env = "BANYAN_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Address of the admin API, such as http://127.0.0.1:9901
    #[arg(long, env = "BANYAN_ADMIN", value_name = "URL")]
    pub(crate) admin: Option<String>,
    /// File with the admin token
    #[arg(long, env = "BANYAN_TOKEN_FILE", value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// Print JSON as the API gives it
    #[arg(long)]
    pub(crate) json: bool,
}

/// How the demo runs.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Demo {
    #[command(subcommand)]
    pub(crate) story: Option<DemoStory>,
    /// End by itself after this time, such as 30s; otherwise with Ctrl-C
    #[arg(long = "for", value_name = "TIME", value_parser = duration)]
    pub(crate) ends_after: Option<Duration>,
    /// Requests per second
    #[arg(long, default_value_t = banyan_demo::traffic::RATE)]
    pub(crate) rate: std::num::NonZeroU32,
    /// One seed makes one community, one set of differences and one row of requests
    #[arg(long, default_value_t = banyan_demo::SEED)]
    pub(crate) seed: u64,
    /// Make faults on purpose where pages can do without an answer: 10 % fail, 20 % take seconds
    #[arg(long)]
    pub(crate) chaos: bool,
}

/// Stories that end by themselves.
#[derive(Clone, Copy, Debug, Subcommand)]
pub(crate) enum DemoStory {
    /// A database is slow for ten seconds: what comes of it, with the gateway and without, in 90 seconds
    Incident {
        /// Tell it in 30 seconds
        #[arg(long)]
        quick: bool,
        /// How big it is played
        #[arg(long, value_enum, default_value_t = StorySize::Quarter)]
        size: StorySize,
    },
}

/// How big a story is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum StorySize {
    /// As it was: 1,167 requests a second, twice; for a machine with nothing else to do
    Whole,
    /// Load, pool and database divided by four
    Quarter,
}

/// How log events look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// One JSON object per line
    Json,
    /// For people
    Pretty,
}

/// `30s`, `5m`, `500ms`, `1h`, at least a millisecond.
fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let count: u64 = text[..digits].parse().map_err(|_| "write a time such as 30s or 5m".to_owned())?;
    let millis = match &text[digits..] {
        "ms" => Some(count),
        "s" => count.checked_mul(1000),
        "m" => count.checked_mul(60_000),
        "h" => count.checked_mul(3_600_000),
        _ => return Err("write a time with its unit: ms, s, m or h".to_owned()),
    };
    match millis {
        Some(0) => Err("a demo of no time shows nothing".to_owned()),
        Some(millis) => Ok(Duration::from_millis(millis)),
        None => Err("too long".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn times() {
        assert_eq!(duration("30s"), Ok(Duration::from_secs(30)));
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        for bad in ["", "30", "s", "0s", "-1s", "1d", "18446744073709551615h"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }
}
