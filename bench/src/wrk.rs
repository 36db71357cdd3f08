//! The load generator: wrk, pinned, with its figures taken from its own report.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context, ensure};
use banyan_resilience::Dice;
use serde::Deserialize;

use crate::{items, machine::LOAD_CORE, server::Requests};

/// Connections that wrk keeps open, each with one request at a time.
pub(crate) const CONNECTIONS: usize = 64;
/// Users the requests are spread over, where users matter.
const USERS: usize = 1000;
/// A stride that shares no factor with the number of routes or users: neighbours in time are not neighbours in memory.
const STRIDE: usize = 7919;

/// Requests that are drawn for items; then the draw repeats.
const DRAWS: usize = 50_000;
/// Host that items are asked of: it is part of a cache's key, so whoever fills a cache must name the same.
const HOST: &str = "bench.example";

/// wrk's script for many requests: asks for the lines of a file in turn. wrk looks for `request` when it loads a
/// script, so where one request is enough it must not be there at all.
const TAKE_TURNS: &str = r#"
local requests = {}
turns = 0
function init(args)
    for line in io.lines(args[1]) do
        local path, user = line:match("^(%S+) ?(%S*)$")
        local fields = { Host = "bench.example" }
        if user ~= "" then fields["x-user-id"] = user end
        requests[#requests + 1] = wrk.format("GET", path, fields)
    end
end
function request()
    turns = turns + 1
    return requests[(turns - 1) % #requests + 1]
end
"#;

/// wrk's script for its report, in JSON.
const REPORT: &str = r#"
local threads = {}
function setup(thread) table.insert(threads, thread) end
function done(summary, latency, _)
    local errors, sent = summary.errors, 0
    for _, one in ipairs(threads) do sent = sent + (one:get("turns") or 0) end
    io.write(string.format('{"requests":%d,"microseconds":%d,"errors":%d,"turns":%d,"p50":%d,"p99":%d}\n',
        summary.requests, summary.duration,
        errors.connect + errors.read + errors.write + errors.status + errors.timeout,
        sent, latency:percentile(50), latency:percentile(99)))
end
"#;

/// What wrk reports.
#[derive(Debug, Deserialize)]
pub(crate) struct Report {
    /// Requests answered.
    pub(crate) requests: u64,
    /// How long it ran.
    pub(crate) microseconds: u64,
    /// Requests that failed, in whatever way.
    errors: u64,
    /// Requests taken from the list, when there is one.
    turns: u64,
    /// Median latency in microseconds at full load: queueing, mostly.
    pub(crate) p50: u64,
    /// 99th percentile of the same.
    pub(crate) p99: u64,
}

/// What is sent, written down for wrk.
pub(crate) struct Script {
    file: PathBuf,
    /// Asked for where there are no lines.
    path: &'static str,
    lines: Option<PathBuf>,
}

impl Script {
    /// Writes script and requests into `dir`.
    ///
    /// # Errors
    /// When they cannot be written.
    pub(crate) fn write(dir: &Path, requests: Requests) -> anyhow::Result<Self> {
        let file = dir.join("wrk.lua");
        let lines: Option<String> = match requests {
            Requests::Same => None,
            Requests::Users => Some((0..USERS).map(|n| line("/articles/7", n)).collect()),
            Requests::Routes(count) => {
                Some((0..count).map(|n| line(&route_path(n * STRIDE % count), n)).collect())
            }
            Requests::Items { keys: 1, .. } => None,
            Requests::Items { keys, .. } => Some(draw(keys).map(|n| items::path(n) + "\n").collect()),
        };
        let script = if lines.is_some() { [TAKE_TURNS, REPORT].concat() } else { REPORT.to_owned() };
        std::fs::write(&file, script)?;
        let write = |lines: String| {
            let file = dir.join("requests.txt");
            std::fs::write(&file, lines).map(|()| file)
        };
        let path = if let Requests::Items { .. } = requests { "/item/0" } else { "/articles/7" };
        Ok(Self { file, path, lines: lines.map(write).transpose()? })
    }

    /// Sends for about `time`. The figures hold for all that was sent, from the first request to the last.
    ///
    /// # Errors
    /// When a single request failed: figures of a server that fails are not comparable.
    pub(crate) fn run(&self, server: SocketAddr, time: Duration) -> anyhow::Result<Report> {
        let mut command = Command::new("taskset");
        command.args(["--cpu-list", &LOAD_CORE.to_string(), "wrk", "--threads", "1"]);
        command.args([
            "--connections",
            &CONNECTIONS.to_string(),
            "--duration",
            &format!("{}s", time.as_secs()),
        ]);
        command.arg("--header").arg(format!("Host: {HOST}"));
        command.arg("--script").arg(&self.file).arg(format!("http://{server}{}", self.path));
        if let Some(lines) = &self.lines {
            command.arg("--").arg(lines);
        }
        let output =
            command.stdin(Stdio::null()).stderr(Stdio::inherit()).output().context("cannot run wrk")?;
        let said = String::from_utf8_lossy(&output.stdout);
        let line =
            said.lines().find(|line| line.starts_with('{')).with_context(|| format!("wrk said: {said}"))?;
        let report: Report = serde_json::from_str(line)?;
        ensure!(report.errors == 0, "{} requests failed", report.errors);
        ensure!(report.requests > 0, "no request was answered");
        ensure!(
            self.lines.is_none() || report.turns >= report.requests,
            "wrk did not send what it was told to"
        );
        Ok(report)
    }
}

/// The path that hits route `n` of [`crate::peers::banyan::many_routes`].
pub(crate) fn route_path(n: usize) -> String {
    format!("/service-{}/things-{n}/42", n % 100)
}

/// Items as they are asked for: each as likely as any other, always the same draw.
fn draw(keys: usize) -> impl Iterator<Item = usize> {
    let dice = Dice::seeded(1);
    (0..DRAWS).filter_map(move |_| usize::try_from(dice.number() % keys as u64).ok())
}

fn line(path: &str, user: usize) -> String {
    format!("{path} user-{user}\n")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_route_is_asked_for_once_per_turn() {
        let dir = tempfile::tempdir().unwrap();
        let script = Script::write(dir.path(), Requests::Routes(10_000)).unwrap();
        let text = std::fs::read_to_string(script.lines.unwrap()).unwrap();
        let paths: BTreeSet<_> = text.lines().map(|line| line.split_once(' ').unwrap().0).collect();
        assert_eq!(paths.len(), 10_000);
        assert!(paths.contains(route_path(9_999).as_str()));
    }
    #[test]
    fn items_are_drawn_evenly() {
        let mut counts = vec![0; 100];
        draw(counts.len()).for_each(|n| counts[n] += 1);
        // 500 each on average; five standard deviations are 112.
        assert!(counts.iter().all(|count| (388..612).contains(count)), "{counts:?}");
    }
}
