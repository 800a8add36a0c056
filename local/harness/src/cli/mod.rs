//! `local`: AWS on this machine, and the scenarios that run on it.

mod audit;
mod bench;
mod demo;
mod privileges;
mod soak;
mod up;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand, ValueEnum};
use local::routes::Route;
use local::scenario::Kind;
use local_rds::DelayProfile;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use tokio::signal::unix::{SignalKind, signal};
use tracing::Level;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::prelude::*;

/// AWS on this machine, with real PostgreSQL servers: upgrade a live database and watch, or look around by yourself.
#[derive(Debug, Parser)]
#[command(name = "local", version, arg_required_else_help = true)]
pub(super) struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a scenario from an empty machine to the audit. Exits with 0 only if it ended as it must.
    Demo(Demo),
    /// Measure the pauses of the workflow, and those of the same steps by hand, in turn.
    Bench(bench::Chosen),
    /// Switch over and go back again and again, until there were enough switches and commits.
    Soak(soak::Chosen),
    /// Keep the platform, a database and its application running until Ctrl-C.
    Up(Up),
    /// Compare a finished run's ledger with its servers, row by row.
    Audit {
        /// The run's folder.
        #[arg(default_value = ".local/runs/latest")]
        run: PathBuf,
    },
    /// What runs have used of the permissions in the template.
    #[command(subcommand)]
    Privileges(privileges::Chosen),
    /// Print the template's permissions as `docs/iam.md` has them.
    IamTable,
    /// Compare a ledger with the servers whose sockets the script `start-servers` gives.
    #[command(hide = true)]
    AuditServers { run: PathBuf },
    /// Stop what a run has started, once the run is gone.
    #[command(hide = true)]
    Keeper { run: PathBuf },
}

/// What can be chosen about a demo.
#[derive(Debug, clap::Args)]
struct Demo {
    /// What is done to the upgrade.
    #[arg(long, value_enum, default_value_t = Kind::Upgrade)]
    scenario: Kind,
    /// What routes the reads.
    #[arg(long, value_enum, default_value_t = Route::Weighted)]
    route: Route,
    #[command(flatten)]
    load: Load,
}

/// What can be chosen about `up`.
#[derive(Debug, clap::Args)]
struct Up {
    /// How many seconds of a state machine's waits pass in one.
    #[arg(long, default_value_t = 60.0)]
    scale: f64,
    /// Where it runs, instead of a new folder of `.local/runs`.
    #[arg(long, hide = true)]
    folder: Option<PathBuf>,
    #[command(flatten)]
    load: Load,
}

/// What can be chosen about RDS and the application.
#[derive(Debug, clap::Args)]
struct Load {
    /// How long RDS takes for what PostgreSQL does at once.
    #[arg(long, value_enum, default_value_t = Profile::Quick)]
    profile: Profile,
    /// Rows in all tables before the application starts.
    #[arg(long, default_value_t = 1_200_000)]
    rows: u32,
    /// Commits per second at which all writers together aim.
    #[arg(long, default_value_t = 640.0)]
    writes: f64,
}

/// How long RDS takes.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Profile {
    /// As short as the real work.
    Quick,
    /// As on RDS, a minute in a second; what clients feel is not shortened.
    Rds,
}

impl Load {
    fn settings(&self) -> local::app::Settings {
        local::app::Settings {
            rows: self.rows,
            writes_per_second: self.writes,
            ..local::app::Settings::default()
        }
    }

    const fn profile(&self) -> DelayProfile {
        match self.profile {
            Profile::Quick => DelayProfile::QUICK,
            Profile::Rds => DelayProfile::RDS,
        }
    }
}

/// Does what was asked for. What went wrong is told on stderr.
pub(super) fn run(cli: Cli) -> ExitCode {
    match carry_out(cli.command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("local: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn carry_out(command: Command) -> Result<ExitCode> {
    // The keeper has to be up at once and must not depend on anything.
    if let Command::Keeper { run } = command {
        return local_aws::keeper::serve(&run).map(|()| ExitCode::SUCCESS);
    }
    local_aws::process::end_with_make()?;
    let runtime = tokio::runtime::Runtime::new().context("starting the runtime")?;
    runtime.block_on(async {
        match command {
            Command::Demo(demo) => unless_interrupted(demo::run(&demo)).await,
            Command::Bench(chosen) => unless_interrupted(bench::run(&chosen)).await,
            Command::Soak(chosen) => unless_interrupted(soak::run(&chosen)).await,
            Command::Up(up) => up::run(&up).await,
            Command::Audit { run } => audit::started(&run),
            Command::AuditServers { run } => audit::servers(&run).await,
            Command::Privileges(chosen) => privileges::run(chosen),
            Command::IamTable => privileges::table(),
            Command::Keeper { .. } => Ok(ExitCode::SUCCESS),
        }
    })
}

/// What the platform has to tell goes to a file of the run; the terminal is the display's.
fn log_to(run: &Path) -> Result<()> {
    let logs = run.join("logs");
    std::fs::create_dir_all(&logs)?;
    let file = File::create(logs.join("platform.log")).context("making the platform's log")?;
    let lines = tracing_subscriber::fmt::layer()
        .with_ansi(false)
        .with_writer(file);
    let ours = Targets::new().with_target("local", Level::DEBUG);
    tracing_subscriber::registry()
        .with(lines.with_filter(ours))
        .try_init()
        .context("setting up the platform's log")
}

/// What came of some work, unless Ctrl-C or SIGTERM comes first. That drops the work, and with it the keeper, which stops
/// everything that was started.
async fn unless_interrupted(work: impl Future<Output = Result<ExitCode>>) -> Result<ExitCode> {
    tokio::select! {
        done = work => done,
        stopped = interrupted() => {
            stopped?;
            eprintln!("stopping everything that was started");
            Ok(ExitCode::from(INTERRUPTED))
        }
    }
}

/// The code of a program that was interrupted.
const INTERRUPTED: u8 = 130;

/// The code with which a program ends that has found what it looked for, or not.
fn code(good: bool) -> ExitCode {
    if good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Returns at Ctrl-C or SIGTERM.
async fn interrupted() -> Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    Ok(())
}
