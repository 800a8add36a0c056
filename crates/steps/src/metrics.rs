//! The metrics of a switchover or failback.

use crate::Held;
use domain::receipt::Receipt;
use domain::record::Ticket;
use ports::{Metrics, Observation, World};

/// The switchover's pause and phases. For the call that has recorded green's opening.
pub fn switched<W: World>(held: &Held<'_, W>, receipt: &Receipt) {
    if let Some(ms) = receipt.pause_ms() {
        observe(held, &Observation::WritePause(ms));
    }
    phases(held, "switchover", &receipt.phases);
}

/// The failback's pause and phases. For the call that has recorded blue's opening.
pub fn returned<W: World>(held: &Held<'_, W>, receipt: &Receipt) {
    if let Some(ms) = receipt.pause_ms() {
        observe(held, &Observation::FailbackPause(ms));
    }
    phases(held, "rollback", &receipt.phases);
}

/// The parts of a switchover or failback; both receipts have a `fence` and an `opening`, so the step is a part of the name.
pub fn phases<W: World>(held: &Held<'_, W>, step: &'static str, phases: &[(String, u64)]) {
    for (name, ms) in phases {
        let phase = Observation::Phase {
            step,
            name: name.clone(),
            ms: *ms,
        };
        observe(held, &phase);
    }
}

/// Records an observation of the upgrade that a call holds.
pub fn observe<W: World>(held: &Held<'_, W>, observation: &Observation) {
    tell(held.call.world, held.ticket(), observation);
}

/// Records an observation of an upgrade.
pub fn tell(world: &impl World, ticket: &Ticket, observation: &Observation) {
    world.metrics().observe(ticket, observation);
}
