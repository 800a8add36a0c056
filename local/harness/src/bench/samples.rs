//! Everything that was measured, run by run.

use super::figures::{Figures, Phases};
use super::floor::{Measured, Switch};
use super::price::Price;
use super::spread::Spread;
use super::starts::Start;
use crate::scenario::summary::Summary;
use anyhow::Result;
use serde_json::Value;
use std::path::Path;

/// Everything that was measured.
#[derive(Debug, Clone, Default)]
pub struct Samples {
    switchover: Vec<f64>,
    rollback: Vec<f64>,
    floor_switchover: Vec<f64>,
    floor_rollback: Vec<f64>,
    longest: Vec<f64>,
    floor_longest: Vec<f64>,
    ours: Vec<f64>,
    alarm_to_reads: Vec<f64>,
    alarm_to_writes: Vec<f64>,
    /// The parts of the pause at the switchover, and of that at the rollback.
    phases: [Phases; 2],
    floor_phases: [Phases; 2],
    acknowledged: u64,
    price: Option<Price>,
    pub(super) starts: Vec<Start>,
}

impl Samples {
    pub(super) fn add_floor(&mut self, measured: &Measured) {
        let (over, back) = (&measured.switchover, &measured.rollback);
        self.floor_switchover.push(over.pause.write_ms);
        self.floor_rollback.push(back.pause.write_ms);
        let longest = over.pause.longest_client_ms;
        self.floor_longest
            .push(longest.max(back.pause.longest_client_ms));
        for (phases, switch) in self.floor_phases.iter_mut().zip([over, back]) {
            add_laps(phases, switch);
        }
        self.acknowledged += measured.report.acknowledged;
    }

    /// A run of the workflow. What only some scenarios have is taken where it is.
    pub(super) fn add_switchover(&mut self, summary: &Summary) -> Result<()> {
        self.switchover.extend(summary.write_pause_ms);
        self.rollback.extend(summary.rollback_pause_ms);
        self.ours.extend(summary.our_share_ms);
        self.alarm_to_writes.extend(summary.alarm_to_writes_ms);
        let back = summary.longest_rollback_wait_ms.unwrap_or_default();
        self.longest.push(summary.longest_client_wait_ms.max(back));
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
        self.alarm_to_reads.extend(summary.alarm_to_blue_ms);
        self.acknowledged += summary.acknowledged;
    }

    /// The last run of the workflow, for whoever looks on.
    pub(super) fn last_switch(&self) -> String {
        let pause = self.switchover.last().copied().unwrap_or(f64::NAN);
        let back = self.rollback.last();
        let back = back.map_or_else(String::new, |back| format!(" · back {back:.0} ms"));
        format!("pause {pause:.0} ms{back}")
    }

    /// Commits that were acknowledged in all runs; a run that lost or doubled one would have ended the benchmark.
    #[must_use]
    pub const fn acknowledged(&self) -> u64 {
        self.acknowledged
    }

    /// The longest wait of one writer in each run of the floor.
    #[must_use]
    pub fn floor_longest(&self) -> Option<Spread> {
        Spread::of(&self.floor_longest)
    }

    /// What each part of the switchover and of the rollback took, by the receipts.
    #[must_use]
    pub const fn phases(&self) -> &[Phases; 2] {
        &self.phases
    }

    /// What each part of the floor's took.
    #[must_use]
    pub const fn floor_phases(&self) -> &[Phases; 2] {
        &self.floor_phases
    }

    /// The figures so far.
    #[must_use]
    pub fn figures(&self) -> Figures {
        Figures {
            switchover_pause_ms: Spread::of(&self.switchover),
            rollback_pause_ms: Spread::of(&self.rollback),
            floor_switchover_pause_ms: Spread::of(&self.floor_switchover),
            floor_rollback_pause_ms: Spread::of(&self.floor_rollback),
            longest_client_wait_ms: Spread::of(&self.longest),
            our_share_ms: Spread::of(&self.ours),
            alarm_to_reads_ms: Spread::of(&self.alarm_to_reads),
            alarm_to_writes_ms: Spread::of(&self.alarm_to_writes),
            starts: self.starts.clone(),
            price: self.price.clone(),
        }
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
