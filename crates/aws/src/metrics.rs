//! CloudWatch metrics: a line of Embedded Metric Format on stdout for each observation, of which CloudWatch Logs makes the
//! metrics. No step calls CloudWatch for one, and none fails for one.

use domain::lag::Lag;
use domain::record::Ticket;
use metrique_writer::format::Format;
use metrique_writer::unit::{AsBytes, AsCount, AsMilliseconds, AsPercent, AsSeconds};
use metrique_writer::{Entry, IoStreamError};
use metrique_writer_format_emf::Emf;
use ports::Observation;
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
    FailbackPause {
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
    /// The metrics of an observation; `None` if it has no value.
    fn of(observation: &Observation) -> Option<Self> {
        Some(match observation {
            Observation::Lag(lag) => return Self::of_lag(*lag),
            Observation::Weight(percent) => Self::Weight {
                weight_percent: u64::from(*percent).into(),
            },
            Observation::WritePause(ms) => Self::WritePause {
                write_pause_ms: (*ms).into(),
            },
            Observation::FailbackPause(ms) => Self::FailbackPause {
                way_back_pause_ms: (*ms).into(),
            },
            // Both receipts have a `fence` and an `opening`, so that the step is a part of the name.
            Observation::Phase { step, name, ms } => Self::Phase {
                phase: format!("{step} {name}"),
                phase_ms: (*ms).into(),
            },
            Observation::Alarm => Self::Alarm {
                alarms: 1_u64.into(),
            },
            Observation::Rollback => Self::Rollback {
                rollbacks: 1_u64.into(),
            },
            Observation::BackLag(bytes) => Self::BackLag {
                back_lag_bytes: (*bytes).into(),
            },
        })
    }

    /// What could not be read has no value.
    fn of_lag(lag: Lag) -> Option<Self> {
        let age = lag.ms.map(Duration::from_millis);
        (lag != Lag::default()).then(|| Self::Lag {
            lag_bytes: lag.bytes.map(Into::into),
            lag_seconds: age.map(Into::into),
        })
    }

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

/// Standard output, which Lambda gives to CloudWatch Logs.
#[derive(Debug, Clone, Copy)]
pub struct Metrics;

impl ports::Metrics for Metrics {
    fn observe(&self, ticket: &Ticket, observation: &Observation) {
        if let Some(observed) = Observed::of(observation) {
            tell(ticket, &observed);
        }
    }
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
