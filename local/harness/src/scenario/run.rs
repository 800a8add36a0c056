//! The run itself: bring up, load, upgrade, stop, audit.

use super::follow::{Follower, Trace};
use super::inject::{self, Injected};
use super::kind::Kind;
use super::observe::{Observer, Sight};
use super::seen::{End, Seen};
use super::spent;
use super::state::State;
use super::summary::{BACK_RECEIPT, RECEIPT, Summary};
use super::world::{self, World};
use super::{expect, figures, runs};
use crate::app::audit::{Books, Report, audit};
use crate::app::ledger;
use crate::app::pause::pause;
use crate::app::tally::Tally;
use crate::app::{Application, Settings};
use crate::routes::Route;
use anyhow::{Context, Result, anyhow, ensure};
use local_aws::clock::Clock;
use local_aws::words::word;
use local_rds::DelayProfile;
use local_rds::postgres::leave_script;
use serde::Serialize;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How many seconds of waiting pass in one: minutes of a bake in a few seconds.
const SCALE: f64 = 200.0;

/// How long the application runs before and after the upgrade.
const MARGIN: Duration = Duration::from_secs(2);
/// An upgrade that takes longer stands still.
const PATIENCE: Duration = Duration::from_mins(30);
/// How often the observer is shown the application.
const GLANCE: Duration = Duration::from_millis(100);

/// A run, before it starts.
pub struct Scenario {
    /// What is done.
    pub kind: Kind,
    /// What is asked for, but for the route of the reads; [`Kind::request`] is what people look at.
    pub request: Value,
    /// The run's folder.
    pub folder: PathBuf,
    /// What routes the reads.
    pub route: Route,
    /// How long RDS takes.
    pub profile: DelayProfile,
    /// How much the application does.
    pub load: Settings,
    /// Who looks on.
    pub observer: Arc<dyn Observer>,
}

impl Scenario {
    /// Runs it from an empty machine to the audit, leaves the ledger and the servers' data in the run's folder, and
    /// stops everything.
    ///
    /// # Errors
    /// When it could not be run. One that did not end as it must is a summary with problems.
    pub async fn run(&self) -> Result<Summary> {
        let plan = world::Plan {
            folder: self.folder.clone(),
            clock: Clock::scaled(SCALE),
            profile: self.profile,
            version: self.kind.versions().0,
            rows: self.load.rows,
            route: self.route,
        };
        let world = World::create(&plan, &|what| self.say(what)).await?;
        let summary = self.with(&world).await;
        let stopped = world.platform.stop().await;
        let summary = summary?;
        stopped?;
        write_json(&self.folder.join("summary.json"), &summary)?;
        Ok(summary)
    }

    fn say(&self, what: &str) {
        self.observer.see(&Sight::Preparing(what.to_owned()));
    }

    async fn with(&self, world: &World) -> Result<Summary> {
        inject::prepare(self.kind, world).await?;
        write_json(&self.folder.join("seeds.json"), &world.seeds)?;
        self.say("starting the application");
        let ledger = self.folder.join("ledger.tsv");
        let application = Application::start(&world.doors, &self.load, &ledger).await?;
        let tally = application.tally.clone();
        let glancing = tokio::spawn(glance(tally.clone(), Arc::clone(&self.observer)));
        tokio::time::sleep(MARGIN).await;
        let before = State::of(world).await?;

        let follower = Follower::start(&world.platform.states, Arc::clone(&self.observer));
        let ended = self.upgrade(world, &follower).await;
        tokio::time::sleep(MARGIN).await;
        glancing.abort();
        let stopped_at = tally.now();
        application.stop().await?;
        let end = ended?;
        let spent = spent::of(world).await?;

        keep_troubles(&self.folder.join("troubles.tsv"), &tally)?;
        let report = self.audit(world, &ledger).await?;
        let after = State::of(world).await?;
        let (kind, trace) = (self.kind, follower.end());
        self.leave(world, &trace)?;
        let seen = Seen {
            kind,
            world,
            before,
            after,
            trace,
            tally,
            end,
            report,
            spent,
            stopped_at,
        };
        let figures = figures::of(&seen);
        Ok(Summary {
            problems: expect::problems(&seen, &figures),
            ..figures
        })
    }

    /// Starts the machine and sees it to its end, with whatever is injected on the way.
    async fn upgrade(&self, world: &World, follower: &Follower) -> Result<End> {
        let began = Instant::now();
        let execution = self.start(world).await?;
        let inject = inject::during(self.kind, world, follower, &*self.observer);
        let ended = world.platform.states.wait(&execution);
        let together = async {
            tokio::pin!(ended);
            let injected = tokio::select! {
                injected = inject => injected?,
                outcome = &mut ended => return Ok((outcome, Injected::Nothing)),
            };
            anyhow::Ok((ended.await, injected))
        };
        let Ok(both) = tokio::time::timeout(PATIENCE, together).await else {
            let state = follower.last_state().unwrap_or_default();
            return Err(anyhow!(
                "the upgrade still runs after {} s, in {state}",
                PATIENCE.as_secs()
            ));
        };
        let (outcome, injected) = both?;
        let outcome = outcome.map_err(|refusal| anyhow!("{refusal:?}"))?;
        let seconds = began.elapsed().as_secs_f64();
        follower.catch_up().await;
        self.observer
            .see(&Sight::Ended(follower.last_state().unwrap_or_default()));
        Ok(End {
            seconds,
            outcome,
            injected,
        })
    }

    async fn start(&self, world: &World) -> Result<String> {
        let (from, to) = self.kind.versions();
        let machine = world.platform.template.machine("UpgradeMachine");
        let machine = &machine.context("the template has no UpgradeMachine")?.arn;
        let mut request = self.request.clone();
        let client = world.platform.client();
        request["reads"] = self.route.request(&client).await?;
        let start = json!({ "stateMachineArn": machine, "input": request.to_string() });
        let started = client
            .json("states", "AWSStepFunctions.StartExecution", &start)
            .await?;
        let execution = started["executionArn"]
            .as_str()
            .context("an execution without an ARN")?
            .to_owned();
        let (from, to) = (from.to_owned(), to.to_owned());
        self.observer.see(&Sight::Started {
            execution: execution.clone(),
            from,
            to,
        });
        Ok(execution)
    }

    /// The ledger against the server that serves, and against old blue if that is another one.
    async fn audit(&self, world: &World, ledger: &Path) -> Result<Report> {
        let books = Books::of(&ledger::read(ledger)?);
        let serving = world.serving()?;
        let new = world::databases(&serving).await?;
        let old = match world.left() {
            Some(left) => Some(world::databases(&left).await?),
            None => None,
        };
        audit(&books, &world.seeds, &new, old.as_ref()).await
    }

    /// What stays for a person to inspect: the receipt, and a script that starts the servers again.
    fn leave(&self, world: &World, trace: &Trace) -> Result<()> {
        for (state, file) in [("Switchover", RECEIPT), ("RollBack", BACK_RECEIPT)] {
            if let Some(receipt) = trace.receipt_of(state) {
                write_json(&self.folder.join(file), &receipt)?;
            }
        }
        let serving = world.serving()?;
        match world.left() {
            Some(left) => leave_script(&self.folder, &[("serving", &serving), ("left", &left)])?,
            None => leave_script(&self.folder, &[("serving", &serving)])?,
        };
        Ok(())
    }
}

/// Shows the application until it is aborted, and the switch once it is over.
async fn glance(tally: Tally, observer: Arc<dyn Observer>) {
    let mut switched = false;
    loop {
        tokio::time::sleep(GLANCE).await;
        observer.see(&Sight::Glance(tally.glance()));
        if !switched && tally.has_crossed() {
            // Until the last writer is over as well.
            tokio::time::sleep(5 * GLANCE).await;
            switched = true;
            if let Some(pause) = pause(&tally.acks()) {
                observer.see(&Sight::Switched(pause));
            }
        }
    }
}

fn write_json(path: &Path, value: &impl Serialize) -> Result<()> {
    let text = serde_json::to_string_pretty(value)? + "\n";
    std::fs::write(path, text).with_context(|| format!("writing {}", path.display()))
}

/// What the clients were told when something went wrong, each with the microsecond on the ledger's clock.
fn keep_troubles(path: &Path, tally: &Tally) -> Result<()> {
    let troubles = tally.troubles();
    let lines = troubles
        .iter()
        .map(|trouble| format!("{}\t{}\n", trouble.at, trouble.what));
    let text: String = lines.collect();
    std::fs::write(path, text).with_context(|| format!("writing {}", path.display()))
}

/// Runs a scenario as one of many, with what is asked for; `taken` takes from it what is wanted while its folder is there.
///
/// # Errors
/// Those of `taken`, and when it can't be run or does not end as it must. Its folder stays then, and the error names it.
pub async fn run_well<T>(
    (kind, request): (Kind, Value),
    profile: DelayProfile,
    load: Settings,
    observer: Arc<dyn Observer>,
    taken: impl FnOnce(&Summary) -> Result<T>,
) -> Result<T> {
    let folder = runs::begin_passing(&word(kind))?;
    let scenario = Scenario {
        kind,
        request,
        folder: folder.clone(),
        route: Route::default(),
        profile,
        load,
        observer,
    };
    let summary = scenario.run().await;
    let summary = summary.with_context(|| format!("the run in {}", folder.display()))?;
    ensure!(
        summary.is_good(),
        "a run did not end as it must, see {}: {}",
        folder.display(),
        summary.problems.join("; ")
    );
    let taken = taken(&summary)?;
    runs::end_passing(&folder)?;
    Ok(taken)
}
