//! The benchmark: the workflow and the same steps by hand, in turn and in one run, under the same load and by the same
//! measure. Figures of different runs, let alone machines, compare nothing.

mod board;
mod figures;
pub mod floor;
mod price;
mod samples;
mod spread;
mod starts;

pub use board::text;
pub use samples::Samples;
pub use spread::Spread;

use crate::app::Settings;
use crate::scenario::summary::Summary;
use crate::scenario::{Kind, Progress, run_well, runs};
use anyhow::{Context, Result, ensure};
use clap::ValueEnum;
use floor::{Floor, Measured};
use local_aws::words::word;
use local_rds::DelayProfile;
use serde::Serialize;
use std::path::PathBuf;
use std::sync::Arc;

/// What is run in turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// The same steps by hand.
    Floor,
    /// The workflow: a switchover, and the rollback after it.
    Switchover,
    /// The workflow: an alarm while reads are moved.
    Alarm,
    /// How the packaged functions start.
    Starts,
}

impl Part {
    const IN_TURN: [Self; 3] = [Self::Floor, Self::Switchover, Self::Alarm];
}

/// A benchmark, before it starts.
pub struct Bench {
    /// How often each part is run.
    pub runs: u32,
    /// The one part that is run; all, if none is named.
    pub only: Option<Part>,
    /// How long RDS takes.
    pub profile: DelayProfile,
    /// How much the application does.
    pub load: Settings,
    /// Who is told how far it is.
    pub progress: Arc<Progress>,
}

/// Where the figures of the last benchmark are.
#[must_use]
pub fn folder() -> PathBuf {
    local_aws::toolchain::workspace().join(".local/bench")
}

impl Bench {
    /// Runs all parts in turn, as often as was asked for, and keeps the figures. What runs side by side meets the same
    /// machine, busy as it may be.
    ///
    /// # Errors
    /// When a run can't be made, or does not end as it must: a benchmark of something wrong means nothing. That run's
    /// folder stays.
    pub async fn run(&self) -> Result<Samples> {
        let mut samples = Samples::default();
        for number in 1..=self.runs {
            for part in Part::IN_TURN {
                if self.only.is_some_and(|only| only != part) {
                    continue;
                }
                let (of, what) = (self.runs, word(part));
                let label = format!("{number:>3}/{of} {what:<11}");
                self.turn(label, part, &mut samples).await?;
            }
        }
        if self.only.is_none_or(|only| only == Part::Starts) {
            let label = format!("{:<19}", word(Part::Starts));
            self.turn(label, Part::Starts, &mut samples).await?;
        }
        Ok(samples)
    }

    /// Runs a part once, says how it went, and keeps all figures so far.
    async fn turn(&self, label: String, part: Part, samples: &mut Samples) -> Result<()> {
        self.progress.begin(label);
        let said = self.part(part, samples).await?;
        self.progress.end(&said);
        keep(samples)
    }

    async fn part(&self, part: Part, samples: &mut Samples) -> Result<String> {
        match part {
            Part::Floor => {
                let measured = self.floor().await?;
                samples.add_floor(&measured);
                let (over, back) = (measured.switchover.pause, measured.rollback.pause);
                let (over, back) = (over.write_ms, back.write_ms);
                Ok(format!("pause {over:.0} ms · back {back:.0} ms"))
            }
            Part::Switchover => {
                let add = |summary: &Summary| samples.add_switchover(summary);
                self.scenario(Kind::Rollback, add).await?;
                Ok(samples.last_switch())
            }
            Part::Alarm => {
                let add = |summary: &Summary| {
                    samples.add_alarm(summary);
                    Ok(summary.alarm_to_blue_ms.unwrap_or(f64::NAN))
                };
                let took = self.scenario(Kind::Alarm, add).await?;
                Ok(format!("reads on blue after {took:.0} ms"))
            }
            Part::Starts => {
                let run = runs::begin_passing(&word(part))?;
                samples.starts = starts::measure(&starts::packaged()?, self.runs, &run).await?;
                runs::end_passing(&run)?;
                let functions = samples.starts.len();
                Ok(format!("{functions} functions, {} times each", self.runs))
            }
        }
    }

    async fn floor(&self) -> Result<Measured> {
        let folder = runs::begin_passing(&word(Part::Floor))?;
        let floor = Floor {
            folder: folder.clone(),
            load: self.load.clone(),
            observer: self.progress.clone(),
        };
        let measured = floor.run().await?;
        let flaws = &measured.report.findings;
        ensure!(
            flaws.is_empty(),
            "the floor lost or doubled something, see {}: {flaws:?}",
            folder.display()
        );
        runs::end_passing(&folder)?;
        Ok(measured)
    }

    async fn scenario<T>(
        &self,
        kind: Kind,
        taken: impl FnOnce(&Summary) -> Result<T>,
    ) -> Result<T> {
        let (load, progress) = (self.load.clone(), self.progress.clone());
        run_well((kind, kind.request()), self.profile, load, progress, taken).await
    }
}

/// Keeps what was measured so far, so that a benchmark that is stopped was not for nothing.
fn keep(samples: &Samples) -> Result<()> {
    let path = folder().join("latest.json");
    let text = serde_json::to_string_pretty(samples)? + "\n";
    std::fs::create_dir_all(folder())?;
    std::fs::write(&path, text).with_context(|| format!("writing {}", path.display()))
}
