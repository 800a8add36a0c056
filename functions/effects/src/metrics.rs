//! CloudWatch metrics: a line of Embedded Metric Format on stdout for each observation, of which CloudWatch Logs makes the
//! metrics. No step calls CloudWatch for one, and none fails for one.
//!
//! What an upgrade does once is told after it was written to the upgrade's record: a call that comes again finds it there
//! and does not tell it again, and one that dies in between has not told it. A level is told at each look.

use domain::check_lag::Lag;
use domain::record::Ticket;
use domain::switchover::Receipt;
use metrique_writer::format::Format;
use metrique_writer::unit::{AsBytes, AsCount, AsMilliseconds, AsPercent, AsSeconds};
use metrique_writer::{Entry, IoStreamError};
use metrique_writer_format_emf::Emf;
use std::io::{self, Write};
use std::time::{Duration, SystemTime};
use tracing::warn;

/// Where CloudWatch keeps the metrics.
pub const NAMESPACE: &str = "Viridian";
/// The sets of dimensions by which a metric is looked at.
pub const DIMENSIONS: &[&[&str]] = &[&["database"]];
/// Those of a phase, whose milliseconds are there together and by its name.
pub const PHASE_DIMENSIONS: &[&[&str]] = &[&["database"], &["database", "phase"]];

/// One line.
#[derive(Entry)]
struct Line<'told> {
    #[entry(timestamp)]
    at: SystemTime,
    database: &'told str,
    /// No dimension, since there would be a metric for each upgrade; a property, by which lines are searched.
    upgrade: &'told str,
    #[entry(flatten)]
    observed: &'told Observed,
}

/// What a line tells.
#[derive(Entry)]
#[entry(rename_all = "PascalCase")]
enum Observed {
    Lag {
        lag_bytes: Option<AsBytes<u64>>,
        lag_seconds: Option<AsSeconds<Duration>>,
    },
    Weight {
        weight_percent: AsPercent<u64>,
    },
    WritePause {
        write_pause_ms: AsMilliseconds<u64>,
    },
    WayBackPause {
        way_back_pause_ms: AsMilliseconds<u64>,
    },
    Phase {
        #[entry(name = "phase")]
        phase: String,
        phase_ms: AsMilliseconds<u64>,
    },
    Alarm {
        alarms: AsCount<u64>,
    },
    Rollback {
        rollbacks: AsCount<u64>,
    },
    BackLag {
        back_lag_bytes: AsBytes<u64>,
    },
}

impl Observed {
    /// By what the metrics can be looked at.
    fn dimensions(&self) -> Vec<Vec<String>> {
        let sets = match self {
            Self::Phase { .. } => PHASE_DIMENSIONS,
            _ => DIMENSIONS,
        };
        let named = |set: &&[&str]| set.iter().map(|name| (*name).to_owned()).collect();
        sets.iter().map(named).collect()
    }
}

/// How far green is behind, at each look. What could not be read has no value.
pub fn lag(ticket: &Ticket, lag: Lag) {
    if lag == Lag::default() {
        return;
    }
    let age = lag.ms.map(Duration::from_millis);
    let lag = Observed::Lag {
        lag_bytes: lag.bytes.map(Into::into),
        lag_seconds: age.map(Into::into),
    };
    tell(ticket, &lag);
}

/// The share of the reads that goes to green from now on. For a call that has changed it: one that finds it so already
/// tells nothing.
pub fn weight(ticket: &Ticket, percent: u8) {
    let weight_percent = u64::from(percent).into();
    tell(ticket, &Observed::Weight { weight_percent });
}

/// The switchover's pause and phases. For the call that has recorded green's opening.
pub fn switched(ticket: &Ticket, receipt: &Receipt) {
    if let Some(ms) = receipt.pause_ms() {
        let write_pause_ms = ms.into();
        tell(ticket, &Observed::WritePause { write_pause_ms });
    }
    for (name, ms) in &receipt.phases {
        switchover_phase(ticket, name, *ms);
    }
}

/// What a part of the switchover took that came after green's opening.
pub fn switchover_phase(ticket: &Ticket, name: &str, ms: u64) {
    phase(ticket, "switchover", name, ms);
}

/// The pause and the phases of the writes' way back. For the call that has recorded blue's opening.
pub fn returned(ticket: &Ticket, receipt: &Receipt) {
    if let Some(ms) = receipt.pause_ms() {
        let way_back_pause_ms = ms.into();
        tell(ticket, &Observed::WayBackPause { way_back_pause_ms });
    }
    for (name, ms) in &receipt.phases {
        phase(ticket, "rollback", name, *ms);
    }
}

/// Both receipts have a `fence` and an `opening`, so that the step is a part of the name.
fn phase(ticket: &Ticket, step: &str, name: &str, ms: u64) {
    let phase = Observed::Phase {
        phase: format!("{step} {name}"),
        phase_ms: ms.into(),
    };
    tell(ticket, &phase);
}

/// An alarm has ended a wait. Only one call can end it; where that call's answer is lost, nothing is told.
pub fn alarm(ticket: &Ticket) {
    let alarms = 1_u64.into();
    tell(ticket, &Observed::Alarm { alarms });
}

/// A rollback is over, and blue serves. For the call that has ended the claim.
pub fn rolled_back(ticket: &Ticket) {
    let rollbacks = 1_u64.into();
    tell(ticket, &Observed::Rollback { rollbacks });
}

/// Bytes of green's log that the slots of the way back hold, at each look.
pub fn back_lag(ticket: &Ticket, bytes: u64) {
    let back_lag_bytes = bytes.into();
    tell(ticket, &Observed::BackLag { back_lag_bytes });
}

/// Made whole before it is written, so that no other line gets in between, and half a line is never left.
fn tell(ticket: &Ticket, observed: &Observed) {
    let written = line(ticket, observed, SystemTime::now())
        .and_then(|line| Ok(io::stdout().write_all(&line)?));
    if let Err(failed) = written {
        warn!(%failed, "metric not written");
    }
}

fn line(ticket: &Ticket, observed: &Observed, at: SystemTime) -> Result<Vec<u8>, IoStreamError> {
    let line = Line {
        at,
        database: ticket.database.as_str(),
        upgrade: ticket.owner.as_str(),
        observed,
    };
    let mut text = Vec::new();
    Emf::all_validations(NAMESPACE.to_owned(), observed.dimensions()).format(&line, &mut text)?;
    Ok(text)
}

#[cfg(test)]
mod tests;
