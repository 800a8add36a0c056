//! However a run ends, nothing that it started is left behind, and the next run works.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use local_aws::keeper::Keeper;
use local_aws::memory::run_folder;
use local_rds::postgres::{Host, ServerSpec};
use rustix::process::{Pid, Signal, kill_process};

const RUN: &str = "VIRIDIAN_TEST_RUN";

/// Everything is to be over by then.
const BOUND: Duration = Duration::from_secs(10);

async fn start(folder: &Path) -> Result<(Host, Vec<local_rds::postgres::Server>)> {
    let host = Host::alone(folder)?;
    let spec = |id: &str| ServerSpec {
        id: id.into(),
        version: "16.14".into(),
        names: vec!["a.test".into()],
        ..ServerSpec::default()
    };
    let primary = host.create(spec("primary")).await?;
    let replica = host.replica_of(&primary, spec("replica")).await?;
    Ok((host, vec![primary, replica]))
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "it is the run that the other tests kill"]
async fn a_run_that_does_not_end_by_itself() -> Result<()> {
    let folder = PathBuf::from(std::env::var(RUN).context("only another test starts this")?);
    let (_host, servers) = start(&folder).await?;
    let session = servers[0].admin("postgres").await?;
    let open = "BEGIN; CREATE TABLE t (n int)";
    session.batch_execute(open).await?;
    // A process that sees the file sees all of it.
    let socket = servers[0].socket().display().to_string();
    std::fs::write(folder.join("ready.part"), socket)?;
    std::fs::rename(folder.join("ready.part"), folder.join("ready"))?;
    std::future::pending().await
}

/// A run in a process of its own, with two servers and an open transaction.
struct Run {
    process: Child,
    folder: PathBuf,
}

impl Run {
    fn start(name: &str) -> Result<Self> {
        let runs = run_folder(name);
        let folder = runs.join("killed");
        std::fs::create_dir_all(&folder)?;
        let process = Command::new(std::env::current_exe()?)
            .args(["--exact", "a_run_that_does_not_end_by_itself", "--ignored"])
            .env(RUN, &folder)
            .stdout(Stdio::null())
            .spawn()?;
        let run = Self { process, folder };
        wait(Duration::from_mins(1), || run.folder.join("ready").exists())
            .context("the run does not start")?;
        Ok(run)
    }

    /// The processes of the journal, PostgreSQL's children included.
    fn started(&self) -> Result<Vec<Pid>> {
        let journal = std::fs::read_to_string(self.folder.join("processes"))?;
        let is_process =
            |line: &&str| line.starts_with("postgres ") || line.starts_with("process ");
        let pids = journal.lines().filter(is_process);
        let pids = pids.filter_map(|line| Pid::from_raw(line.split(' ').nth(1)?.parse().ok()?));
        let alive: Vec<Pid> = pids.filter(|pid| is_alive(*pid)).collect();
        ensure!(alive.len() >= 2, "two servers run: {journal}");
        let children = alive.iter().flat_map(|pid| children(*pid));
        Ok(children.chain(alive.clone()).collect())
    }

    fn kill(&mut self, signal: Signal) -> Result<()> {
        let pid = Pid::from_child(&self.process);
        kill_process(pid, signal)?;
        self.process.wait()?;
        Ok(())
    }

    fn sockets(&self) -> Result<PathBuf> {
        let socket = PathBuf::from(std::fs::read_to_string(self.folder.join("ready"))?);
        Ok(socket.parent().context("a folder")?.to_owned())
    }
}

/// Nothing goes on after its test, and a run that ended as it must leaves nothing to look at.
impl Drop for Run {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
        if let Some(runs) = self.folder.parent()
            && !std::thread::panicking()
        {
            std::fs::remove_dir_all(runs).ok();
        }
    }
}

fn wait(bound: Duration, mut done: impl FnMut() -> bool) -> Result<()> {
    let start = Instant::now();
    while !done() {
        ensure!(start.elapsed() < bound, "not within {bound:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

fn is_alive(pid: Pid) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ")
        .is_some_and(|(_, rest)| !rest.starts_with('Z'))
}

fn children(pid: Pid) -> Vec<Pid> {
    let list = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
    let list = list.unwrap_or_default();
    let children = list.split_whitespace();
    children
        .filter_map(|child| Pid::from_raw(child.parse().ok()?))
        .collect()
}

/// The keeper of a run: the process whose last argument is the run's folder.
fn keeper_of(folder: &Path) -> Option<Pid> {
    let wanted = format!("keeper\0{}\0", folder.display());
    let processes = std::fs::read_dir("/proc").ok()?.flatten();
    let mut pids =
        processes.filter_map(|entry| Pid::from_raw(entry.file_name().to_str()?.parse().ok()?));
    pids.find(|pid| {
        std::fs::read_to_string(format!("/proc/{pid}/cmdline"))
            .is_ok_and(|line| line.ends_with(&wanted))
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_run_leaves_nothing_behind_and_the_next_one_works() -> Result<()> {
    for signal in [Signal::KILL, Signal::INT, Signal::TERM] {
        let mut run = Run::start(&format!("ends-{}", signal.as_raw()))?;
        let (started, sockets) = (run.started()?, run.sockets()?);
        run.kill(signal)?;
        wait(BOUND, || !started.iter().any(|pid| is_alive(*pid)))?;
        wait(BOUND, || {
            !run.folder.join("processes").exists() && !sockets.exists()
        })?;
    }
    let (host, servers) = start(&run_folder("next")).await?;
    assert!(servers.iter().all(local_rds::postgres::Server::is_running));
    host.keeper.shutdown().await?;
    Ok(std::fs::remove_dir_all(host.keeper.folder())?)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_run_stops_what_a_run_left_whose_keeper_was_killed_too() -> Result<()> {
    let mut run = Run::start("orphans")?;
    let started = run.started()?;
    let keeper = keeper_of(&run.folder).context("the run has a keeper")?;
    kill_process(keeper, Signal::KILL)?;
    run.kill(Signal::KILL)?;
    assert!(
        started.iter().any(|pid| is_alive(*pid)),
        "no process has stopped the servers yet"
    );
    let next = Keeper::start(&run.folder.with_file_name("next"))?;
    assert!(!started.iter().any(|pid| is_alive(*pid)));
    next.shutdown().await?;
    drop(run);
    Ok(())
}
