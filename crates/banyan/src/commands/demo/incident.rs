//! `banyan demo incident`: one bad moment of a database, with the gateway and without.

use std::{process::ExitCode, time::Duration};

use anyhow::{Context as _, Result, anyhow};
use banyan_demo::{
    DATABASE, Hint, View,
    incident::{NightScreen, Play, Protection, Size, Stage, Story, verdict},
    incident_config_yaml,
};
use banyan_gateway::Gateway;
use banyan_telemetry::logging::{self, Format};
use tokio::{
    signal::unix::{SignalKind, signal},
    time::{Instant, MissedTickBehavior, interval_at},
};

use super::{ADMIN, GATEWAY, free};
use crate::{cli::StorySize, process::Process};

/// Files of the whole story. Both ends of every connection are in this process: 333 of the naive caller's pool, and up
/// to a second's worth of callers at the gateway should the machine stand still.
const FILES: u64 = 4_096;

/// When the screen is first drawn.
const FIRST_LOOK: Duration = Duration::from_millis(500);

/// Tells the story to its end, or until somebody ends it. Succeeds when it came as announced.
pub(super) fn run(quick: bool, size: StorySize) -> Result<ExitCode> {
    let size = match size {
        StorySize::Whole => Size::Whole,
        StorySize::Quarter => Size::Quarter,
    };
    let story = if quick { Story::quick(size) } else { Story::new(size) };
    if let Err(error) = rlimit::increase_nofile_limit(FILES) {
        eprintln!("banyan: the limit of open files stays as it is: {error}");
    }
    let folder = tempfile::tempdir().context("no temporary folder")?;
    let config = folder.path().join("banyan.yaml");
    let stage = Stage::start(story).context("the story's databases cannot start")?;
    let (listen, admin) = (free(GATEWAY)?, free(ADMIN)?);
    let state = folder.path().join("banyan.db");
    std::fs::write(&config, incident_config_yaml(stage.database(), listen, admin, &state))?;
    let plan = banyan_config::load(&config).map_err(|report| anyhow!("{report}"))?;
    logging::init(Format::Pretty, &plan.log.level)?;
    let process = Process::start(&config, plan)?;
    let play = stage.play(listen).context("the story's callers cannot start")?;
    let open = vec![Hint::new(format!("http://{admin}/metrics"), "what the gateway counts")];
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let last = runtime.block_on(watch(&play, &process.gateway, &open))?;
    drop(play);
    process.end();
    let end = verdict(&last.scene, &last.protection);
    println!("{}", end.text);
    Ok(if end.ok { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Redraws once a second until the story is over, and gives what was seen last.
async fn watch(play: &Play, gateway: &Gateway, open: &[Hint]) -> Result<NightScreen> {
    let (mut interrupt, mut end) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let mut view = View::stdout();
    // Looks within seconds and not at their edges, where a little delay would show one twice and another not at all.
    let mut ticks = interval_at(Instant::now() + FIRST_LOOK, Duration::from_secs(1));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let told = tokio::select! {
            _ = ticks.tick() => false,
            _ = interrupt.recv() => true,
            _ = end.recv() => true,
        };
        let screen = NightScreen {
            scene: play.scene(),
            protection: Protection::read(&gateway.metrics().render(), DATABASE),
            open: open.to_vec(),
        };
        view.show(&screen)?;
        if told || screen.scene.elapsed >= screen.scene.story.end() {
            return Ok(screen);
        }
    }
}
