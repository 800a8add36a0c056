//! How the packaged functions start: to the first poll, to the first answer, to the next one, and the memory they take;
//! next to a function in Python with boto3 that makes the same first call.

mod probes;

use super::spread::{Spread, said};
use crate::platform::{Options, Platform};
use anyhow::{Context, Result, ensure};
use local_aws::lambda::{Function, Measured};
use local_aws::toolchain::Toolchain;
use serde::Serialize;
use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What the function in Python is called.
const BOTO3: &str = "boto3";
/// In whose name it calls: the functions' roles are not its own.
const PERSON: &str = "person";
const HANDLER: &str = include_str!("boto3_handler.py");
/// The longest that a function may take to its first poll, in milliseconds.
const WORST_INIT: f64 = 30.0;
/// How many times as long boto3 must take at least.
const TIMES_OURS: f64 = 10.0;

/// What was measured of one function.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Start {
    /// Its name; `boto3` is the one to compare with.
    pub function: String,
    /// From the process's start to its first poll.
    pub init_ms: Spread,
    /// The first invocation: it connects to AWS.
    pub first_ms: Spread,
    /// The second invocation of the same process.
    pub warm_ms: Spread,
    /// The most memory of the process in RAM.
    pub peak_mib: Spread,
}

/// Starts each function `runs` times, the one in Python among them, all in turn.
///
/// # Errors
/// When a function was not built, can't be started, or does not answer.
pub async fn measure(binaries: &Path, runs: u32, folder: &Path) -> Result<Vec<Start>> {
    let mut options = Options {
        binaries: binaries.to_owned(),
        schedules: false,
        ..Options::new(folder)
    };
    options.beside.push(boto3(folder)?);
    let platform = Platform::start(options, &|_| ()).await?;
    let functions = platform.template.functions.iter();
    let functions = functions.map(|spec| spec.binary.clone());
    let mut functions: Vec<String> = functions.chain([BOTO3.to_owned()]).collect();
    functions.sort_unstable();
    let invoked = invoke_all(&platform, &functions, runs).await;
    let measured = platform.lambda.measured();
    platform.stop().await?;
    invoked?;
    let starts = functions.iter().map(|name| start(name, &measured));
    starts.collect()
}

async fn invoke_all(platform: &Platform, functions: &[String], runs: u32) -> Result<()> {
    for name in (0..runs).flat_map(|_| functions) {
        platform.lambda.cool(name).await;
        for _ in 0..2 {
            let event = probes::event(name)?.to_string();
            platform.lambda.invoke(name, event.into()).await?;
        }
    }
    for name in functions {
        // A function that has refused its event has measured nothing.
        let caller = if name == BOTO3 { PERSON } else { name };
        let asked = platform.calls().matching(|call| call.caller == caller);
        ensure!(
            asked.len() >= usize::try_from(runs)?,
            "{name} did not ask AWS; see its log"
        );
    }
    Ok(())
}

fn start(name: &str, measured: &[Measured]) -> Result<Start> {
    let millis = |time: Duration| time.as_secs_f64() * 1000.0;
    let of = || measured.iter().filter(|one| one.function == name);
    let (first, warm): (Vec<_>, Vec<_>) = of().partition(|one| one.init.is_some());
    let spread = |figures: Vec<f64>| {
        Spread::of(&figures).with_context(|| format!("{name} did not answer; see its log"))
    };
    let inits = first.iter().filter_map(|one| one.init);
    let peaks = of().filter_map(|one| one.peak_kb);
    Ok(Start {
        function: name.to_owned(),
        init_ms: spread(inits.map(millis).collect())?,
        first_ms: spread(first.iter().map(|one| millis(one.took)).collect())?,
        warm_ms: spread(warm.iter().map(|one| millis(one.took)).collect())?,
        peak_mib: spread(peaks.map(|kb| f64::from(kb) / 1024.0).collect())?,
    })
}

/// A function that is a script.
fn boto3(folder: &Path) -> Result<Function> {
    let python = Toolchain::find()?.python();
    let script = folder.join(BOTO3);
    std::fs::write(&script, format!("#!{}\n{HANDLER}", python.display()))?;
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755))?;
    let environment = [
        ("AWS_DEFAULT_REGION", local_aws::REGION),
        ("AWS_ACCESS_KEY_ID", PERSON),
        ("UPGRADES_TABLE", "Upgrades"),
    ];
    Ok(Function {
        name: BOTO3.to_owned(),
        binary: script,
        timeout: Duration::from_secs(30),
        memory_mb: 256,
        environment: environment
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
    })
}

/// The folder in which the functions were packaged for this machine.
///
/// # Errors
/// When they were not.
pub fn packaged() -> Result<PathBuf> {
    let built = crate::platform::binaries();
    let release = built.parent().map(|target| target.join("release"));
    let release = release.unwrap_or_default();
    ensure!(
        release.join("plan").exists(),
        "the functions were not built as they are shipped; run `make bench`, or `make build-release` before `local bench`"
    );
    Ok(release)
}

/// The table.
#[must_use]
pub fn text(starts: &[Start]) -> String {
    let mut text =
        String::from("\n  packaged functions           init     max   first    warm   MiB\n");
    for start in starts {
        let Start {
            function,
            init_ms,
            first_ms,
            warm_ms,
            peak_mib,
        } = start;
        // Writing to a string can't fail.
        writeln!(
            text,
            "  {function:<24}{:>9.1}{:>8.1}{:>8.1}{:>8.1}{:>6.1}",
            init_ms.median, init_ms.max, first_ms.median, warm_ms.median, peak_mib.max
        )
        .ok();
    }
    text.push_str(&bars(starts));
    text
}

fn bars(starts: &[Start]) -> String {
    let (theirs, ours): (Vec<_>, Vec<_>) = starts.iter().partition(|start| start.function == BOTO3);
    let ours = ours.iter().map(|start| start.init_ms.median);
    let slowest = ours.fold(0.0, f64::max);
    let Some(theirs) = theirs.first() else {
        return String::new();
    };
    let times = theirs.init_ms.median / slowest;
    format!(
        "  {} init ≤ {WORST_INIT:.0} ms: {slowest:.1} at most · {} {TIMES_OURS:.0} times under boto3: {times:.0} times\n",
        said(slowest <= WORST_INIT),
        said(times >= TIMES_OURS),
    )
}
