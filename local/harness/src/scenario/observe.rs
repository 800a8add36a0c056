//! What an observer can see of a run, as it happens.

use crate::app::pause::Pause;
use crate::app::tally::Glance;

/// One thing that happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Sight {
    /// What is being set up before the upgrade can start.
    Preparing(String),
    /// The upgrade started.
    Started {
        /// The execution's ARN.
        execution: String,
        /// The version now.
        from: String,
        /// The version to reach.
        to: String,
    },
    /// A state machine entered a state.
    Entered {
        /// `upgrade` or `rollback`.
        machine: &'static str,
        /// The state's name.
        state: String,
    },
    /// A step answered.
    Said {
        /// The state's name.
        state: String,
        /// The step's one sentence.
        summary: String,
    },
    /// How far green, or the roll of a minor upgrade, is.
    Percent(u8),
    /// How far green is behind; nothing where it could not be read.
    Lag {
        /// In bytes.
        bytes: Option<u64>,
        /// In milliseconds.
        ms: Option<u64>,
    },
    /// The share of reads that green shall have, in percent.
    Asked(u8),
    /// The last second of the application.
    Glance(Glance),
    /// Writes moved.
    Switched(Pause),
    /// Something that the scenario injects happened.
    Injected(String),
    /// The upgrade ended in this state.
    Ended(String),
}

/// Looks on. The run is the same for every observer.
pub trait Observer: Send + Sync {
    /// Called for each thing as it happens; must not wait.
    fn see(&self, sight: &Sight);
}

/// Looks away.
#[derive(Debug, Clone, Copy)]
pub struct NoObserver;

impl Observer for NoObserver {
    fn see(&self, _: &Sight) {}
}
