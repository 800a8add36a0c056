//! `local demo`.

use super::{Demo, interrupted, log_to};
use anyhow::Result;
use local::scenario::{Scenario, runs};
use local::{display, scenario::summary::Summary};
use std::io::Write as _;
use std::process::ExitCode;
use std::sync::Arc;

/// Ctrl-C and SIGTERM drop the run, and with it the keeper, which stops everything that was started.
pub(super) async fn run(demo: &Demo) -> Result<ExitCode> {
    let scenario = Scenario {
        kind: demo.scenario,
        request: demo.scenario.request(),
        folder: runs::begin(demo.scenario.as_str())?,
        route: demo.route,
        profile: demo.load.profile(),
        load: demo.load.settings(),
        observer: Arc::from(display::for_terminal()),
    };
    log_to(&scenario.folder)?;
    let summary = tokio::select! {
        summary = scenario.run() => summary?,
        stopped = interrupted() => {
            stopped?;
            eprintln!("stopping everything that was started");
            return Ok(ExitCode::from(130));
        }
    };
    print(&summary)?;
    Ok(if summary.is_good() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn print(summary: &Summary) -> Result<()> {
    Ok(write!(std::io::stdout(), "\n{}", summary.text())?)
}
