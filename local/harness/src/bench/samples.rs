//! Everything that was measured, run by run.

use super::figures::{Phases, Series};
use super::floor::{Measured, Switch};
use super::price::Price;
use super::starts::Start;
use crate::scenario::summary::Summary;
use anyhow::Result;
use serde::Serialize;
use serde_json::Value;
use std::path::Path;

/// Everything that was measured, as it is kept for comparison.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Samples {
    /// The write pause at the switchover.
    pub(super) switchover_pause_ms: Series,
    /// The write pause at the rollback after it.
    pub(super) rollback_pause_ms: Series,
    /// The same steps by hand: the switchover.
    pub(super) floor_switchover_pause_ms: Series,
    /// The same steps by hand: the rollback.
    pub(super) floor_rollback_pause_ms: Series,
    /// The longest that one writer waited in a run, at either switch.
    pub(super) longest_client_wait_ms: Series,
    /// What of the pause at the switchover came after RDS was through.
    pub(super) our_share_ms: Series,
    /// From an alarm during the ramp to the records that lead all reads to blue.
    pub(super) alarm_to_reads_ms: Series,
    /// From an alarm after the switchover to the first commit on blue.
    pub(super) alarm_to_writes_ms: Series,
    /// How each packaged function starts.
    pub(super) starts: Vec<Start>,
    /// What the last run of the workflow would cost.
    pub(super) price: Option<Price>,
    /// The longest wait of one writer in each run of the floor.
    #[serde(skip)]
    pub(super) floor_longest: Series,
    /// The parts of the pause at the switchover, and of that at the rollback, by the receipts.
    #[serde(skip)]
    pub(super) phases: [Phases; 2],
    /// The same of the floor.
    #[serde(skip)]
    pub(super) floor_phases: [Phases; 2],
    /// Commits that were acknowledged in all runs; a run that lost or doubled one would have ended the benchmark.
    #[serde(skip)]
    pub(super) acknowledged: u64,
}

impl Samples {
    pub(super) fn add_floor(&mut self, measured: &Measured) {
        let (over, back) = (&measured.switchover, &measured.rollback);
        self.floor_switchover_pause_ms.add(over.pause.write_ms);
        self.floor_rollback_pause_ms.add(back.pause.write_ms);
        let longest = over.pause.longest_client_ms;
        self.floor_longest
            .add(longest.max(back.pause.longest_client_ms));
        for (phases, switch) in self.floor_phases.iter_mut().zip([over, back]) {
            add_laps(phases, switch);
        }
        self.acknowledged += measured.report.acknowledged;
    }

    /// A run of the workflow. What only some scenarios have is taken where it is.
    pub(super) fn add_switchover(&mut self, summary: &Summary) -> Result<()> {
        self.switchover_pause_ms.add(summary.write_pause_ms);
        self.rollback_pause_ms.add(summary.rollback_pause_ms);
        self.our_share_ms.add(summary.our_share_ms);
        self.alarm_to_writes_ms.add(summary.alarm_to_writes_ms);
        let back = summary.longest_rollback_wait_ms.unwrap_or_default();
        self.longest_client_wait_ms
            .add(summary.longest_client_wait_ms.max(back));
        if let Some(rds) = summary.rds_share_ms {
            self.phases[0].add("RDS", rds);
        }
        let receipts = [&summary.receipt, &summary.back_receipt];
        for (phases, receipt) in self.phases.iter_mut().zip(receipts) {
            if let Some(receipt) = receipt {
                add_receipt(phases, receipt)?;
            }
        }
        self.acknowledged += summary.acknowledged;
        self.price = Some(Price::of(&summary.spent));
        Ok(())
    }

    pub(super) fn add_alarm(&mut self, summary: &Summary) {
        self.alarm_to_reads_ms.add(summary.alarm_to_blue_ms);
        self.acknowledged += summary.acknowledged;
    }

    /// The last run of the workflow, for the observer.
    pub(super) fn last_switch(&self) -> String {
        let pause = self.switchover_pause_ms.last().unwrap_or(f64::NAN);
        let back = self.rollback_pause_ms.last();
        let back = back.map_or_else(String::new, |back| format!(" · back {back:.0} ms"));
        format!("pause {pause:.0} ms{back}")
    }
}

/// The parts of a switch by hand. What is left of the pause is the clients': to come back, and to commit.
fn add_laps(phases: &mut Phases, switch: &Switch) {
    let mut rest = switch.pause.write_ms;
    for (name, ms) in &switch.laps {
        phases.add(name, *ms);
        rest -= ms;
    }
    phases.add("clients", rest);
}

/// The parts that a receipt names, in its order.
fn add_receipt(phases: &mut Phases, path: &Path) -> Result<()> {
    let receipt: Value = serde_json::from_str(&std::fs::read_to_string(path)?)?;
    for phase in receipt["phases"].as_array().into_iter().flatten() {
        if let (Some(name), Some(ms)) = (phase[0].as_str(), phase[1].as_f64()) {
            phases.add(name, ms);
        }
    }
    Ok(())
}
