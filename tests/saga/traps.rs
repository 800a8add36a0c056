//! Faults that wait for their state: each is planted when its state is entered for the first time.

use crate::faults::{End, Kind};
use crate::machines::{Place, Task, logical_id};
use anyhow::Result;
use asl::history::{Fact, Failure};
use local::platform::Platform;
use local_aws::faults::{Fault, Faults, Planted, Target};
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Duration;

/// How often it is looked whether a fault has fired.
const GLANCE: Duration = Duration::from_millis(5);

#[derive(Debug)]
struct Trap {
    place: Place,
    target: Target,
    fault: Fault,
    then: Option<End>,
    /// The fault and the execution, once the trap was entered.
    set: Option<(Planted, String)>,
}

/// All traps of a case. Clones are the same traps.
#[derive(Debug, Clone, Default)]
pub struct Traps(Arc<Mutex<Vec<Trap>>>);

impl Traps {
    /// One more: a fault of this kind for this task.
    pub fn add(&self, place: &Place, task: &Task, kind: &Kind) {
        let (target, fault, then) = kind.trap(task);
        self.0.lock().push(Trap {
            place: place.clone(),
            target,
            fault,
            then,
            set: None,
        });
    }

    /// Plants the faults as their states are entered, before anything is called.
    pub fn lay(&self, platform: &Platform) {
        let (traps, faults) = (self.clone(), platform.faults().clone());
        platform.states.on_event(move |seen| {
            if let Fact::StateEntered { name, .. } = &seen.event.fact {
                traps.entered(
                    &faults,
                    logical_id(&seen.machine),
                    name,
                    &seen.execution_arn,
                );
            }
        });
    }

    fn entered(&self, faults: &Faults, machine: &str, state: &str, execution: &str) {
        let mut traps = self.0.lock();
        let here = |trap: &&mut Trap| trap.place.machine == machine && trap.place.state == state;
        for trap in traps.iter_mut().filter(here) {
            trap.set.get_or_insert_with(|| {
                let planted = faults.plant(trap.target.clone(), trap.fault);
                (planted, execution.to_owned())
            });
        }
    }

    /// Ends the executions, or their states, in whose calls a fault has fired. Never returns well.
    pub async fn spring(&self, platform: &Platform) -> Result<()> {
        loop {
            for (then, execution) in self.sprung() {
                match then {
                    End::Stop => {
                        let why = Failure::new("Saga.Stopped", "a person stops it in the console");
                        platform.states.stop(&execution, why)?;
                    }
                    End::TimeOut => {
                        platform.states.hurry(&execution)?;
                    }
                }
            }
            tokio::time::sleep(GLANCE).await;
        }
    }

    /// What follows from faults that have fired since it was asked last.
    fn sprung(&self) -> Vec<(End, String)> {
        let mut traps = self.0.lock();
        let sprung = traps.iter_mut().filter_map(|trap| {
            let (_, execution) = trap.set.as_ref().filter(|(fault, _)| fault.fired() > 0)?;
            Some((trap.then.take()?, execution.clone()))
        });
        sprung.collect()
    }

    /// The traps that met nothing.
    pub fn unsprung(&self) -> Vec<String> {
        let missed = |trap: &&Trap| {
            let set = trap.set.as_ref();
            set.is_none_or(|(planted, _)| planted.fired() == 0)
        };
        let traps = self.0.lock();
        let left = traps.iter().filter(missed);
        left.map(|trap| format!("no fault in {}: {:?}", trap.place, trap.target))
            .collect()
    }
}
