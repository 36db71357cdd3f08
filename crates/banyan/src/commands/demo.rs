//! `banyan demo`: an old site, new services, visitors and the gateway, with nothing installed.

mod incident;

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::Path,
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use anyhow::{Context as _, Result, anyhow};
use banyan_demo::{
    Faults, Hint, Load, Screen, Shadow, Site, Traffic, UnitLine, View, config_yaml, summary, try_next,
};
use banyan_state::{live::Units, shadow::ShadowReport};
use banyan_telemetry::logging::{self, Format};
use tokio::{
    signal::unix::{SignalKind, signal},
    time::{Instant, MissedTickBehavior, interval, sleep_until},
};

use crate::{
    cli::{Demo, DemoStory},
    process::Process,
};

/// Where the gateway and its admin API listen, unless somebody is there already.
const GATEWAY: u16 = 8080;
const ADMIN: u16 = 9901;

/// Runs until its time is over or somebody ends it; fails when anything went wrong for a visitor.
pub(crate) fn run(how: &Demo) -> Result<ExitCode> {
    match how.story {
        None => migration(how),
        Some(DemoStory::Incident { quick, size }) => incident::run(quick, size),
    }
}

fn migration(how: &Demo) -> Result<ExitCode> {
    let folder = tempfile::tempdir().context("no temporary folder")?;
    let config = folder.path().join("banyan.yaml");
    let site = Site::start(how.seed).context("the demo's site cannot start")?;
    let (listen, admin) = (free(GATEWAY)?, free(ADMIN)?);
    let faults = if how.chaos { Faults::OnPurpose } else { Faults::None };
    let state = folder.path().join("banyan.db");
    std::fs::write(&config, config_yaml(site.addresses(), listen, admin, &state, faults))?;
    let plan = banyan_config::load(&config).map_err(|report| anyhow!("{report}"))?;
    logging::init(Format::Pretty, &plan.log.level)?;
    let process = Process::start(&config, plan)?;
    site.connect(listen);
    let units = process.units.clone();
    let share = move |unit: &str| units.get(unit).map(|unit| unit.percent().basis_points());
    let load = Load { target: listen, rate: how.rate, seed: how.seed };
    let traffic = Traffic::start(load, share).context("the demo's traffic cannot start")?;
    let hints = hints(&config, listen, admin);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(watch(how.ends_after, &process.units, &traffic, hints))?;
    let traffic = traffic.finish();
    let end = summary(&traffic, &lines(&process.units, &traffic));
    process.end();
    println!("{}", end.text);
    Ok(if end.ok { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Redraws once a second.
async fn watch(ends_after: Option<Duration>, units: &Units, traffic: &Traffic, hints: Hints) -> Result<()> {
    let (mut interrupt, mut end) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let mut view = View::stdout();
    let mut ticks = interval(Duration::from_secs(1));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    // A demo without an end is given one nobody waits for.
    let over = Instant::now() + ends_after.unwrap_or(Duration::from_secs(365 * 86_400));
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            _ = interrupt.recv() => return Ok(()),
            _ = end.recv() => return Ok(()),
            () = sleep_until(over) => return Ok(()),
        }
        let seen = traffic.snapshot();
        let screen = Screen {
            ends_after,
            units: lines(units, &seen),
            traffic: seen,
            open: hints.open.clone(),
            try_next: hints.try_next.clone(),
        };
        view.show(&screen)?;
    }
}

/// The units as they stand.
fn lines(units: &Units, traffic: &banyan_demo::Snapshot) -> Vec<UnitLine> {
    units.all().iter().map(|unit| line(unit, traffic)).collect()
}

/// Where the sides differ most often, noise left out.
fn top_path(report: &ShadowReport) -> Option<(String, u64)> {
    let seen = |row: banyan_compare::Row| (row.spot.path, row.only_candidate + row.unjudged);
    report.found.rows().into_iter().map(seen).filter(|(_, count)| *count > 0).max_by_key(|(_, count)| *count)
}

fn line(unit: &Arc<banyan_state::live::UnitLive>, traffic: &banyan_demo::Snapshot) -> UnitLine {
    let shadow = unit.with_shadow(|report| Shadow {
        matched: report.matched,
        mismatched: report.mismatched,
        dropped: report.dropped.values().sum(),
        top_path: top_path(report),
    });
    UnitLine {
        name: unit.name.to_string(),
        percent: unit.percent().to_string(),
        sides: traffic.units.get(&*unit.name).cloned().unwrap_or_default(),
        shadow,
    }
}

/// What to open and what to try.
struct Hints {
    open: Vec<Hint>,
    try_next: Vec<Hint>,
}

fn hints(config: &Path, listen: SocketAddr, admin: SocketAddr) -> Hints {
    let command = std::env::current_exe().ok();
    let here = std::env::current_dir().ok();
    // As short as it can be typed from here.
    let command = match (&command, &here) {
        (Some(command), Some(here)) => command.strip_prefix(here).unwrap_or(command).display().to_string(),
        _ => "banyan".to_owned(),
    };
    Hints {
        open: vec![
            Hint::new(format!("http://{listen}/articles"), "the site, through the gateway"),
            Hint::new(format!("http://{admin}/metrics"), "what it counts"),
            Hint::new(format!("http://{admin}/openapi.json"), "its admin API"),
        ],
        try_next: try_next(&command, &format!("--config {}", config.display())).to_vec(),
    }
}

/// The usual port, or a free one when it is taken.
fn free(usual: u16) -> Result<SocketAddr> {
    let at = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).and_then(|listener| listener.local_addr());
    at(usual).or_else(|_| at(0)).context("no free port on loopback")
}

#[cfg(test)]
mod tests {
    use banyan_config::plan::{Environment, Override};

    use super::*;

    fn at(port: u16) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, port))
    }

    fn plan(yaml: impl FnOnce(&Path) -> String) -> banyan_config::plan::Plan {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("banyan.yaml");
        std::fs::write(&file, yaml(&folder.path().join("banyan.db"))).unwrap();
        banyan_config::load(&file).unwrap_or_else(|report| panic!("{report}"))
    }

    #[test]
    fn faults_are_made_only_when_they_are_asked_for() {
        let site = banyan_demo::Addresses {
            legacy: at(7001),
            articles: at(7002),
            comments: at(7003),
            notifications: at(7004),
        };
        for (faults, struck, environment) in
            [(Faults::None, 0, Environment::Production), (Faults::OnPurpose, 2, Environment::Development)]
        {
            let plan = plan(|state| config_yaml(site, at(8080), at(9901), state, faults));
            let has_both = |policy: &banyan_config::plan::RoutePolicy| {
                matches!(policy.chaos, Override::Use(_)) && policy.fallback.len() == 1
            };
            let found = plan.routes.iter().filter(|route| has_both(&route.policy)).count();
            assert_eq!((found, plan.environment), (struck, environment));
        }
    }

    #[test]
    fn the_incident_is_met_with_every_policy_at_its_default() {
        let plan = plan(|state| banyan_demo::incident_config_yaml(at(7001), at(8080), at(9901), state));
        let database = &plan.upstreams[0];
        assert_eq!(&*database.name, banyan_demo::DATABASE);
        assert!(database.breaker.is_some() && database.concurrency.is_some() && database.retry.is_some());
    }
}
