//! `local bench`.

use super::{Load, log_to};
use anyhow::Result;
use local::bench::{Bench, Part, folder, text};
use local::scenario::Progress;
use std::io::Write as _;
use std::process::ExitCode;
use std::sync::Arc;

/// What can be chosen about a benchmark.
#[derive(Debug, clap::Args)]
pub(super) struct Chosen {
    /// How often each part is run.
    #[arg(long, default_value_t = 10)]
    runs: u32,
    /// Run this part only.
    #[arg(long, value_enum)]
    only: Option<Part>,
    #[command(flatten)]
    load: Load,
}

pub(super) async fn run(chosen: &Chosen) -> Result<ExitCode> {
    log_to(&folder())?;
    let bench = Bench {
        runs: chosen.runs,
        only: chosen.only,
        profile: chosen.load.profile(),
        load: chosen.load.settings(),
        progress: Arc::new(Progress::default()),
    };
    let samples = Box::pin(bench.run()).await;
    bench.progress.finish();
    let table = text(&samples?, &bench.load);
    write!(std::io::stdout(), "\n{table}")?;
    Ok(ExitCode::SUCCESS)
}
