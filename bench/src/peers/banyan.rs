//! Banyan: one worker, as released.

use std::{env, fs, path::PathBuf, process::Command};

use anyhow::ensure;

use crate::{
    server::{Candidate, Requests, Site, free_port},
    wrk::route_path,
};

/// Names the program that is measured.
const PROGRAM: &str = "BANYAN_PROGRAM";

/// Plain proxying.
pub(crate) const BANYAN: Candidate = Candidate {
    name: "Banyan",
    about: "1 worker, access log off",
    command: Some(|site| start(site, "off", PASS_THROUGH)),
    requests: Requests::Same,
};

/// Through a unit.
pub(crate) const BANYAN_UNIT: Candidate = Candidate {
    name: "Banyan, unit, log",
    about: "50 % by x-user-id, metrics, access log to a file",
    command: Some(|site| start(site, &site.dir.join("access.log").display().to_string(), UNIT)),
    requests: Requests::Users,
};

/// Plain proxying without any pattern.
pub(crate) const BANYAN_BARE: Candidate = Candidate {
    name: "Banyan, no patterns",
    about: "breaker: off",
    command: Some(|site| start(site, "off", &with_patterns("breaker: off"))),
    requests: Requests::Same,
};

/// With every pattern that may refuse, repeat or limit a call.
pub(crate) const BANYAN_PATTERNS: Candidate = Candidate {
    name: "Banyan, patterns",
    about: "retry, breaker with slow calls, throttle, adaptive concurrency, fallback",
    command: Some(|site| start(site, "off", &with_patterns(PATTERNS))),
    requests: Requests::Same,
};

/// The same, with second attempts.
pub(crate) const BANYAN_HEDGED: Candidate = Candidate {
    name: "Banyan, patterns, hedge",
    about: "the same and hedge: {}",
    command: Some(|site| start(site, "off", &with_patterns(&format!("{PATTERNS}, hedge: {{}}")))),
    requests: Requests::Same,
};

/// The same, with bodies that are looked into.
pub(crate) const BANYAN_VALID: Candidate = Candidate {
    name: "Banyan, patterns, JSON",
    about: "the same and valid_if: { json: true }",
    command: Some(|site| {
        start(site, "off", &with_patterns(&format!("{PATTERNS}, valid_if: {{ json: true }}")))
    }),
    requests: Requests::Same,
};

const PATTERNS: &str = "retry: {}, breaker: { slow: { over: 2s, share: 80% } }, throttle: {}, concurrency: { start: 100, max: 500 }";

const FALLBACK: &str = ", fallback: [ { status: 200, json: [] } ]";

/// Plain proxying, and more of the upstream.
fn with_patterns(more: &str) -> String {
    let fallback = if more.contains(PATTERNS) { FALLBACK } else { "" };
    PASS_THROUGH
        .replace("\"http://ORIGIN\"] }", &format!("\"http://ORIGIN\"], {more} }}"))
        .replace("to: origin }", &format!("to: origin{fallback} }}"))
}

/// Plain proxying with few routes.
pub(crate) const BANYAN_10: Candidate = Candidate {
    name: "Banyan, 10 routes",
    about: "1 worker, access log off",
    command: Some(|site| start(site, "off", &many_routes(10))),
    requests: Requests::Routes(10),
};

/// Plain proxying with many routes.
pub(crate) const BANYAN_10000: Candidate = Candidate {
    name: "Banyan, 10,000 routes",
    about: "1 worker, access log off",
    command: Some(|site| start(site, "off", &many_routes(10_000))),
    requests: Requests::Routes(10_000),
};

/// Answers from memory, with all that is on when it is used.
pub(crate) const BANYAN_CACHE: Candidate = Candidate {
    name: "Banyan",
    about: "cache in memory, metrics, access log to a file",
    command: Some(|site| {
        // Apart from the config, which is watched: nobody has both in one folder.
        let logs = site.dir.join("log");
        fs::create_dir_all(&logs)?;
        let access = logs.join("access.log").display().to_string();
        start(site, &access, &ITEMS.replace("RULES", ""))
    }),
    requests: Requests::Same,
};

/// Items by a route with this `cache`. A macro, since what starts a candidate is a plain function, which remembers nothing.
macro_rules! items_with_cache {
    ($name:literal, $cache:literal) => {
        Candidate {
            name: $name,
            about: concat!("cache: ", $cache),
            command: Some(|site| start(site, "off", &ITEMS.replace("RULES", concat!(", cache: ", $cache)))),
            requests: Requests::Same,
        }
    };
}

/// Every request is a call of the upstream.
pub(crate) const BANYAN_NO_COALESCING: Candidate = items_with_cache!("Banyan, no cache", "off");

/// Nothing is kept; requests at the same time share a call.
pub(crate) const BANYAN_COALESCING: Candidate = items_with_cache!("Banyan, coalescing", "{ ttl: 0s }");

/// What keeps a hot item's end from becoming a stampede: nothing, one by one, and all.
pub(crate) const BANYAN_STAMPEDE: [Candidate; 5] = [
    items_with_cache!("Banyan, nothing", "{ ttl: 2s, jitter: 0%, coalesce: false, early_refresh: 0 }"),
    items_with_cache!("Banyan, coalescing", "{ ttl: 2s, jitter: 0%, early_refresh: 0 }"),
    items_with_cache!("Banyan, early refresh", "{ ttl: 2s, jitter: 0%, coalesce: false }"),
    items_with_cache!("Banyan, both", "{ ttl: 2s, jitter: 0% }"),
    items_with_cache!("Banyan, both, stale", "{ ttl: 2s, jitter: 0%, stale_while_revalidate: 10s }"),
];

const ITEMS: &str = r#"
cache: { memory: 512MiB }
upstreams:
  origin: { endpoints: ["http://ORIGIN"], timeout: 5s }
routes:
  - { match: "GET /item/{id}", to: origin RULES }
"#;

const PASS_THROUGH: &str = r#"
upstreams:
  origin: { endpoints: ["http://ORIGIN"] }
routes:
  - { match: "* /{rest...}", to: origin }
"#;

const UNIT: &str = r#"
upstreams:
  legacy: { endpoints: ["http://ORIGIN"] }
  replacement: { endpoints: ["http://ORIGIN"] }
units:
  articles:
    legacy: legacy
    replacement: replacement
    percent: 50%
    subject: ["header:x-user-id"]
    fallback: legacy
    routes:
      - { match: "GET /{rest...}" }
"#;

/// A table of `count` routes with a parameter each, besides the one that the start-up check asks for.
fn many_routes(count: usize) -> String {
    let route = |n| {
        let path = route_path(n).replace("/42", "/{id}");
        format!("  - {{ match: \"GET {path}\", to: origin }}\n")
    };
    PASS_THROUGH.replace("* /{rest...}", "GET /") + &(0..count).map(route).collect::<String>()
}

/// The program that is measured: the one that `BANYAN_PROGRAM` names, as `cargo xtask bench` does, or the one beside this
/// one.
///
/// # Errors
/// When this program's own place is unknown.
pub(crate) fn program() -> anyhow::Result<PathBuf> {
    match env::var_os(PROGRAM) {
        Some(program) => Ok(program.into()),
        None => Ok(env::current_exe()?.with_file_name("banyan")),
    }
}

/// Whether what is measured was built for production.
pub(crate) fn is_dist() -> bool {
    env::var_os(PROGRAM).is_some_and(|program| PathBuf::from(program).ends_with("target/dist/banyan"))
}

fn start(site: &Site, access: &str, rest: &str) -> anyhow::Result<Command> {
    let config = format!(
        "version: 1
listen: 127.0.0.1:{}
admin: {{ listen: 127.0.0.1:{} }}
state: {}
workers: 1
log: {{ level: warn, access: \"{access}\" }}
timeouts: {{ keep_alive: 300s }}
{}",
        site.port,
        free_port()?,
        site.dir.join("banyan.db").display(),
        rest.replace("ORIGIN", &site.origin.to_string())
    );
    let file = site.dir.join("banyan.yaml");
    fs::write(&file, config)?;
    let program = program()?;
    ensure!(program.is_file(), "{} is not built: `cargo xtask bench` builds it", program.display());
    let mut command = Command::new(program);
    command.arg("serve").arg(file);
    Ok(command)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_config_is_accepted() {
        let one_by_one = [
            BANYAN,
            BANYAN_UNIT,
            BANYAN_BARE,
            BANYAN_PATTERNS,
            BANYAN_HEDGED,
            BANYAN_VALID,
            BANYAN_10,
            BANYAN_CACHE,
            BANYAN_NO_COALESCING,
            BANYAN_COALESCING,
        ];
        for candidate in one_by_one.into_iter().chain(BANYAN_STAMPEDE) {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().to_owned();
            let site = Site {
                dir: path.clone(),
                port: 8080,
                origin: ([127, 0, 0, 1], 8081).into(),
                memory: path.clone(),
                requests: candidate.requests,
            };
            // The config is written before the program is looked for, which need not be built here.
            candidate.command.unwrap()(&site).ok();
            let loaded = banyan_config::load(&path.join("banyan.yaml"));
            assert!(loaded.is_ok(), "{}: {}", candidate.name, loaded.err().unwrap());
        }
    }
}
