//! `local demo`.

use super::{Demo, code, log_to};
use anyhow::Result;
use local::display;
use local::scenario::{Scenario, runs};
use local_aws::words::word;
use std::io::Write as _;
use std::process::ExitCode;
use std::sync::Arc;

pub(super) async fn run(demo: &Demo) -> Result<ExitCode> {
    let scenario = Scenario {
        kind: demo.scenario,
        request: demo.scenario.request(),
        folder: runs::begin(&word(demo.scenario))?,
        route: demo.route,
        profile: demo.load.profile(),
        load: demo.load.settings(),
        observer: Arc::from(display::for_terminal()),
    };
    log_to(&scenario.folder)?;
    let summary = Box::pin(scenario.run()).await?;
    write!(std::io::stdout(), "\n{}", summary.text())?;
    Ok(code(summary.is_good()))
}
