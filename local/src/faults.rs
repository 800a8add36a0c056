//! Faults that a test asks for. Each counts how often it fired, so that a test can tell a passed test from one that met no fault.

use crate::gateway::Call;
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The service answers with its own throttling error; nothing was done.
    Throttle,
    /// The service fails with an internal error; nothing was done.
    FailBefore,
    /// The work is done, and then the connection drops.
    LoseAnswer,
    /// The connection drops before anything was done.
    Refuse,
}

/// Which calls a fault hits.
#[derive(Debug, Clone)]
pub struct Target {
    caller: Option<String>,
    service: String,
    operation: String,
    nth: RangeInclusive<u32>,
}

impl Target {
    /// The first call of an operation of a service, by whomever.
    #[must_use]
    pub fn first(service: &str, operation: &str) -> Self {
        Self::nth(service, operation, 1..=1)
    }

    /// Every call of an operation of a service.
    #[must_use]
    pub fn every(service: &str, operation: &str) -> Self {
        Self::nth(service, operation, 1..=u32::MAX)
    }

    /// Calls by their number among the matching ones, counted from 1 when the fault is planted.
    #[must_use]
    pub fn nth(service: &str, operation: &str, nth: RangeInclusive<u32>) -> Self {
        Self {
            caller: None,
            service: service.to_owned(),
            operation: operation.to_owned(),
            nth,
        }
    }

    /// Only calls of this function, or of this service of the platform.
    #[must_use]
    pub fn by(mut self, caller: &str) -> Self {
        self.caller = Some(caller.to_owned());
        self
    }

    fn matches(&self, call: &Call) -> bool {
        let called_by = |name: &String| *name == call.caller.to_string();
        self.service == call.service
            && self.operation == call.operation
            && self.caller.as_ref().is_none_or(called_by)
    }
}

/// A fault that was planted; tells how often it fired.
#[derive(Debug, Clone)]
pub struct Planted {
    fault: Fault,
    target: Target,
    seen: Arc<AtomicU32>,
    fired: Arc<AtomicU32>,
}

impl Planted {
    /// How often it fired.
    #[must_use]
    pub fn fired(&self) -> u32 {
        self.fired.load(Ordering::SeqCst)
    }

    fn hits(&self, call: &Call) -> bool {
        if !self.target.matches(call) {
            return false;
        }
        let number = self.seen.fetch_add(1, Ordering::SeqCst) + 1;
        let hit = self.target.nth.contains(&number);
        if hit {
            self.fired.fetch_add(1, Ordering::SeqCst);
        }
        hit
    }
}

/// All faults of a platform. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Faults {
    planted: Arc<RwLock<Vec<Planted>>>,
}

impl Faults {
    /// From now on `target` meets `fault`.
    pub fn plant(&self, target: Target, fault: Fault) -> Planted {
        let planted = Planted {
            fault,
            target,
            seen: Arc::default(),
            fired: Arc::default(),
        };
        let mut all = self.planted.write().unwrap_or_else(PoisonError::into_inner);
        all.push(planted.clone());
        planted
    }

    /// Takes all faults away.
    pub fn clear(&self) {
        self.planted
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }

    /// The first fault that hits this call. Each fault counts the calls that it was asked about.
    #[must_use]
    pub fn matching(&self, call: &Call) -> Option<Fault> {
        let planted = self.planted.read().unwrap_or_else(PoisonError::into_inner);
        planted
            .iter()
            .find(|planted| planted.hits(call))
            .map(|planted| planted.fault)
    }
}
