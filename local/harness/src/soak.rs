//! The soak: switchover and rollback in turn, again and again, until there were enough of them.

use crate::app::Settings;
use crate::bench::Spread;
use crate::numbers::thousands;
use crate::scenario::summary::Summary;
use crate::scenario::{Kind, Progress, run_well};
use anyhow::Result;
use local_aws::words::word;
use local_rds::DelayProfile;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Each run switches over and goes back.
const SWITCHES_PER_RUN: u64 = 2;

/// How much is enough, and how long it may take.
#[derive(Debug, Clone, Copy)]
pub struct Goal {
    /// Switches, of which each run has two.
    pub switches: u64,
    /// Acknowledged commits, over all runs.
    pub commits: u64,
    /// No run begins after this; one that has begun is brought to its end.
    pub within: Duration,
}

/// What follows a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Enough,
    GoOn,
    OutOfTime,
}

impl Goal {
    const fn next(&self, switches: u64, commits: u64, elapsed: Duration) -> Next {
        if switches >= self.switches && commits >= self.commits {
            Next::Enough
        } else if elapsed.as_nanos() >= self.within.as_nanos() {
            Next::OutOfTime
        } else {
            Next::GoOn
        }
    }
}

/// A soak, before it starts.
pub struct Soak {
    /// When it ends.
    pub goal: Goal,
    /// How long RDS takes.
    pub profile: DelayProfile,
    /// How much the application does.
    pub load: Settings,
    /// Who is told how far it is.
    pub progress: Arc<Progress>,
}

/// Where the log of the last soak is.
#[must_use]
pub fn folder() -> PathBuf {
    local_aws::toolchain::workspace().join(".local/soak")
}

impl Soak {
    /// Runs until it is enough or the time is over.
    ///
    /// # Errors
    /// At the first run that can't be made, or does not end as it must. That run's folder stays.
    pub async fn run(&self) -> Result<Totals> {
        let began = Instant::now();
        let mut totals = Totals::default();
        while self.next(&totals, began.elapsed()) == Next::GoOn {
            let title = format!("{:>3} {}", totals.runs() + 1, word(Kind::Rollback));
            self.progress.begin(title);
            let (load, progress) = (self.load.clone(), self.progress.clone());
            let add = |summary: &Summary| {
                totals.add(summary);
                Ok(totals.so_far(summary))
            };
            let said = run_well(asked(), self.profile, load, progress, add).await?;
            self.progress.end(&said);
        }
        Ok(totals)
    }

    const fn next(&self, totals: &Totals, elapsed: Duration) -> Next {
        self.goal.next(totals.switches, totals.commits, elapsed)
    }
}

/// A switchover, and an alarm after it. Reads move at once: that they move in steps is the demo's.
fn asked() -> (Kind, Value) {
    let mut request = Kind::Rollback.request();
    request["ramp"] = json!([100]);
    request["bake_minutes"] = json!(1);
    (Kind::Rollback, request)
}

/// What all runs came to.
#[derive(Debug, Clone, Default)]
pub struct Totals {
    switches: u64,
    commits: u64,
    lost: u64,
    doubled: u64,
    digests_alike: u64,
    over: Vec<f64>,
    back: Vec<f64>,
}

impl Totals {
    fn add(&mut self, summary: &Summary) {
        self.switches += SWITCHES_PER_RUN;
        self.commits += summary.acknowledged;
        self.lost += summary.lost;
        self.doubled += summary.doubled;
        self.digests_alike += summary.digests_alike;
        self.over.extend(summary.write_pause_ms);
        self.back.extend(summary.rollback_pause_ms);
    }

    const fn runs(&self) -> u64 {
        self.switches / SWITCHES_PER_RUN
    }

    fn so_far(&self, last: &Summary) -> String {
        let pause = |ms: Option<f64>| ms.unwrap_or(f64::NAN);
        let (over, back) = (pause(last.write_pause_ms), pause(last.rollback_pause_ms));
        let (switches, commits) = (self.switches, thousands(self.commits));
        format!("pause {over:.0} ms · back {back:.0} ms · {switches} switches, {commits} commits")
    }

    /// What was not reached; nothing if it was enough.
    #[must_use]
    pub fn missing(&self, goal: &Goal) -> Option<String> {
        let counts = [
            ("switches", self.switches, goal.switches),
            ("commits", self.commits, goal.commits),
        ];
        let short = counts.into_iter().filter(|(_, is, wanted)| is < wanted);
        let short: Vec<String> = short
            .map(|(what, is, wanted)| format!("{} of {} {what}", thousands(is), thousands(wanted)))
            .collect();
        (!short.is_empty()).then(|| short.join(", "))
    }

    /// The text for a person.
    #[must_use]
    pub fn text(&self) -> String {
        let lines = [
            ("switches", thousands(self.switches)),
            ("commits", thousands(self.commits)),
            ("lost", thousands(self.lost)),
            ("doubled", thousands(self.doubled)),
            ("digests alike", thousands(self.digests_alike)),
            ("pause, switchover", spread(&self.over)),
            ("pause, rollback", spread(&self.back)),
        ];
        let lines = lines.map(|(label, figure)| format!("  {label:<18} {figure}\n"));
        lines.concat()
    }
}

fn spread(figures: &[f64]) -> String {
    Spread::of(figures).map_or_else(
        || "none".to_owned(),
        |Spread {
             min, median, max, ..
         }| { format!("min {min:.0} · median {median:.0} · max {max:.0} ms") },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_goes_on_until_both_are_reached_or_the_time_is_over() {
        let within = Duration::from_mins(1);
        let goal = Goal {
            switches: 100,
            commits: 400_000,
            within,
        };
        let early = Duration::from_secs(59);
        assert_eq!(goal.next(100, 399_999, early), Next::GoOn);
        assert_eq!(goal.next(98, 400_000, early), Next::GoOn);
        assert_eq!(goal.next(98, 400_000, within), Next::OutOfTime);
        assert_eq!(goal.next(100, 400_000, within), Next::Enough);
    }
}
