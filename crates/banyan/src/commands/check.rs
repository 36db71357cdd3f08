//! `banyan check`: everything that is wrong with a config, without opening anything.

use std::{path::Path, process::ExitCode, sync::Arc};

use anyhow::Result;

/// Says what is wrong, or that nothing is.
pub(crate) fn run(config: &Path) -> Result<ExitCode> {
    let plan = match banyan_config::load(config) {
        Ok(plan) => Arc::new(plan),
        Err(report) => {
            eprintln!("{report}");
            return Ok(ExitCode::FAILURE);
        }
    };
    if let Err(error) = banyan_gateway::check(&plan) {
        eprintln!("{}: {error}", config.display());
        return Ok(ExitCode::FAILURE);
    }
    if !plan.warnings.is_empty() {
        eprintln!("{}\n", plan.warnings);
    }
    println!(
        "{}: OK, {} routes, {} units, {} upstreams",
        config.display(),
        plan.routes.len(),
        plan.units.len(),
        plan.upstreams.len()
    );
    Ok(ExitCode::SUCCESS)
}
