//! A whole upgrade by the clients that people have: the `aws` CLI and boto3 against what `local up` keeps running, started and
//! followed by them alone.

use anyhow::{Context as _, Result, ensure};
use local::platform::Options;
use local_aws::toolchain::{Toolchain, workspace};
use local_rds::DelayProfile;
use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// The last line that `local up` says before it waits.
const READY: &str = "Ctrl-C stops everything.";

/// `local up` with little load, and what its guide tells a person to export.
struct Up {
    process: Child,
    exports: Vec<(String, String)>,
}

impl Up {
    fn start(folder: &Path) -> Result<Self> {
        let local = Options::new("").binaries.join("local");
        let mut command = Command::new(&local);
        command.args(["up", "--rows", "20000", "--writes", "40", "--scale", "120"]);
        command.arg("--folder").arg(folder);
        let process = command.stdout(Stdio::piped()).spawn();
        let mut process = process.with_context(|| format!("starting {}", local.display()))?;
        let said = process.stdout.take().context("no output")?;
        let mut up = Self {
            process,
            exports: Vec::new(),
        };
        for line in BufReader::new(said).lines() {
            let line = line?;
            let export = line.trim().strip_prefix("export ");
            if let Some((name, value)) = export.and_then(|export| export.split_once('=')) {
                up.exports.push((name.to_owned(), value.to_owned()));
            }
            if line == READY {
                return Ok(up);
            }
        }
        anyhow::bail!("`local up` ended: {}", up.process.wait()?)
    }

    /// As Ctrl-C does it.
    fn stop(mut self) -> Result<()> {
        kill_process(Pid::from_child(&self.process), Signal::INT)?;
        let status = self.process.wait()?;
        ensure!(status.success(), "`local up` stopped with {status}");
        Ok(())
    }
}

impl Drop for Up {
    /// Its keeper stops what it started.
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

/// How many minutes RDS takes to make green, as the profile `rds` has it: a minute is a second there.
fn minutes_of_green() -> u64 {
    let rds = DelayProfile::RDS;
    let tasks = [
        rds.green_replica,
        rds.green_upgrade,
        rds.green_backups,
        rds.green_topology,
    ];
    tasks.iter().map(std::time::Duration::as_secs).sum()
}

#[test]
fn a_person_upgrades_a_database_by_the_cli_and_boto3() -> Result<()> {
    let toolchain = Toolchain::find()?;
    let aws = toolchain.aws();
    ensure!(aws.exists(), "no aws CLI: run `make toolchain-aws`");
    let folder = tests::run_folder("clients");
    let up = Up::start(&folder)?;
    let mut script = Command::new(toolchain.python());
    script
        .arg(workspace().join("tests/conformance/clients.py"))
        .arg(aws)
        .arg(minutes_of_green().to_string())
        .envs(up.exports.iter().cloned());
    let status = script.status()?;
    ensure!(status.success(), "the clients saw something else");
    up.stop()?;
    Ok(std::fs::remove_dir_all(folder)?)
}
