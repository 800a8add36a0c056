//! `local soak`.

use super::{Load, log_to};
use anyhow::Result;
use local::scenario::Progress;
use local::soak::{Goal, Soak, folder};
use std::io::Write as _;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

/// What can be chosen about a soak.
#[derive(Debug, clap::Args)]
pub(super) struct Chosen {
    /// Switches that are enough; each run has two.
    #[arg(long, default_value_t = 100)]
    switches: u64,
    /// Acknowledged commits that are enough.
    #[arg(long, default_value_t = 400_000)]
    commits: u64,
    /// Minutes after which no run begins any more.
    #[arg(long, default_value_t = 120)]
    minutes: u32,
    #[command(flatten)]
    load: Load,
}

pub(super) async fn run(chosen: &Chosen) -> Result<ExitCode> {
    log_to(&folder())?;
    let soak = Soak {
        goal: Goal {
            switches: chosen.switches,
            commits: chosen.commits,
            within: Duration::from_secs(60 * u64::from(chosen.minutes)),
        },
        profile: chosen.load.profile(),
        load: chosen.load.settings(),
        progress: Arc::new(Progress::default()),
    };
    let totals = Box::pin(soak.run()).await;
    soak.progress.finish();
    let totals = totals?;
    write!(std::io::stdout(), "\n{}", totals.text())?;
    let Some(missing) = totals.missing(&soak.goal) else {
        return Ok(ExitCode::SUCCESS);
    };
    eprintln!("local: {} minutes are over: {missing}", chosen.minutes);
    Ok(ExitCode::FAILURE)
}
