//! `banyan rollout watch`: as it goes.

use std::{process::ExitCode, time::Duration};

use anyhow::Result;
use banyan_demo::View;
use tokio::{
    signal::ctrl_c,
    time::{MissedTickBehavior, interval},
};

use super::frame::{Frame, one_line};
use crate::{admin::Admin, cli::Watch};

/// How often the gateway is asked.
const EVERY: Duration = Duration::from_secs(1);

/// Shows it until it ends. An end that nobody wished for is a failure, so that a script can wait for a rollout.
pub(super) fn run(how: &Watch) -> Result<ExitCode> {
    let admin = Admin::find(&how.remote)?;
    let first = Frame::ask(&admin, &how.name)?;
    if how.once {
        print(how, &first);
        return Ok(ExitCode::SUCCESS);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let Some(last) = runtime.block_on(follow(&admin, how, first))? else { return Ok(ExitCode::SUCCESS) };
    if !how.remote.json {
        // What stands on a screen of its own goes with it; the end should stay.
        println!("{}", last.text().join("\n"));
    }
    Ok(if matches!(last.phase(), "rolled back" | "aborted") { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// The last frame; `None` when somebody ended the watching.
async fn follow(admin: &Admin, how: &Watch, first: Frame) -> Result<Option<Frame>> {
    let mut view = View::stdout();
    let mut frame = first;
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            _ = ctrl_c() => return Ok(None),
        }
        // Nothing else runs here, so asking may block.
        match Frame::ask(admin, &how.name) {
            Ok(new) => frame = Frame { said: frame.said, ..new },
            // It may be on its way back, which is just what somebody watches for.
            Err(error) => frame.stale = Some(format!("{error:#}")),
        }
        if how.remote.json {
            print_once(&mut frame);
        } else {
            view.show(&frame)?;
            frame.said = Some(one_line(&frame.rollout));
        }
        if frame.has_ended() && frame.stale.is_none() {
            return Ok(Some(frame));
        }
    }
}

fn print(how: &Watch, frame: &Frame) {
    if how.remote.json {
        println!("{}", frame.rollout);
    } else {
        println!("{}", frame.text().join("\n"));
    }
}

/// The rollout as one line of JSON, unless that is what was said last.
fn print_once(frame: &mut Frame) {
    let line = frame.rollout.to_string();
    if frame.said.as_ref() != Some(&line) {
        println!("{line}");
        frame.said = Some(line);
    }
}
