//! `banyan serve`: the gateway until it is told to end.

use std::{path::Path, process::ExitCode, sync::Arc};

use anyhow::{Context as _, Result};
use banyan_gateway::Gateway;
use banyan_telemetry::logging::{self, Format};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::{cli::LogFormat, process::Process};

/// Serves until SIGTERM or SIGINT, then drains.
pub(crate) fn run(config: &Path, log: LogFormat) -> Result<ExitCode> {
    let plan = match banyan_config::load(config) {
        Ok(plan) => plan,
        Err(report) => {
            eprintln!("{report}");
            return Ok(ExitCode::FAILURE);
        }
    };
    let format = if log == LogFormat::Json { Format::Json } else { Format::Pretty };
    logging::init(format, &plan.log.level)?;
    for warning in plan.warnings.problems() {
        let (line, hint) = (warning.span.map(|span| span.line), warning.hint.as_deref());
        tracing::warn!(line, hint, "the config is probably not meant so: {}", warning.message);
    }
    raise_file_limit(plan.limits.connections);
    // Signals are caught before anything is open, so that none is missed.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut signals = runtime.block_on(async { Signals::new() }).context("cannot watch for signals")?;
    let process = Process::start(config, plan)?;
    announce(&process.gateway);
    runtime.block_on(signals.wait_for_end(&process.gateway));
    tracing::info!(connections = process.gateway.open_connections(), "draining");
    std::thread::Builder::new().name("impatience".into()).spawn(move || {
        runtime.block_on(async {
            tokio::select! {
                _ = signals.end.recv() => {}
                _ = signals.interrupt.recv() => {}
            }
        });
        tracing::warn!("told to end a second time: not waiting for what is under way");
        std::process::exit(1);
    })?;
    process.end();
    tracing::info!("ended");
    Ok(ExitCode::SUCCESS)
}

fn announce(gateway: &Gateway) {
    let plan = gateway.plan();
    for address in gateway.addresses() {
        tracing::info!(%address, admin = %plan.admin.listen, config_hash = plan.hash, "listening");
    }
}

struct Signals {
    end: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            end: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// Until SIGTERM or SIGINT. SIGHUP also means that the log was rotated; the control plane reloads by itself.
    async fn wait_for_end(&mut self, gateway: &Arc<Gateway>) {
        loop {
            tokio::select! {
                _ = self.end.recv() => return,
                _ = self.interrupt.recv() => return,
                _ = self.hangup.recv() => gateway.reopen_log(),
            }
        }
    }
}

/// Two descriptors per client connection and some to spare; the soft limit of most systems is far too low.
fn raise_file_limit(connections: usize) {
    let wanted = u64::try_from(connections).unwrap_or(u64::MAX).saturating_mul(2).saturating_add(1024);
    match rlimit::increase_nofile_limit(wanted) {
        Ok(limit) if limit < wanted => {
            tracing::warn!(
                limit,
                wanted,
                "the limit of open files is low; raise it (LimitNOFILE) or lower limits.connections"
            );
        }
        Ok(_) => {}
        Err(error) => tracing::warn!(%error, "the limit of open files cannot be raised"),
    }
}
