//! Faults that a test asks for. Each counts how often it fired, so that a test can tell a passed test from one that met no fault.

use crate::gateway::call::{Call, Caller};
use crate::lambda::names::invoked;
use parking_lot::RwLock;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

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
    /// The caller may not make this call: an error that no client retries. Nothing was done.
    Deny,
    /// The work is done, and the answer is an error that no client retries.
    DenyAfter,
    /// The work is done twice at once, as if the call had been sent twice; the caller gets the first call's answer.
    Twice,
    /// The function that calls is killed before anything was done. Hits calls of functions only.
    KillBefore,
    /// The work is done, and then the function that calls is killed. Hits calls of functions only.
    KillAfter,
    /// The work is done at once, and the answer comes so much later.
    Delay(Duration),
}

impl Fault {
    /// Whether it needs a process that it can kill.
    const fn kills(self) -> bool {
        matches!(self, Self::KillBefore | Self::KillAfter)
    }
}

/// Which calls a fault hits.
#[derive(Debug, Clone)]
pub struct Target {
    caller: Option<String>,
    service: Option<String>,
    operation: Option<String>,
    function: Option<String>,
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
            service: Some(service.to_owned()),
            operation: Some(operation.to_owned()),
            ..Self::any(nth)
        }
    }

    /// Calls by their number, whatever is called.
    #[must_use]
    pub const fn any(nth: RangeInclusive<u32>) -> Self {
        Self {
            caller: None,
            service: None,
            operation: None,
            function: None,
            nth,
        }
    }

    /// Every call of a service, whatever the operation.
    #[must_use]
    pub fn all_of(service: &str) -> Self {
        Self {
            service: Some(service.to_owned()),
            ..Self::any(1..=u32::MAX)
        }
    }

    /// Only calls of this function, or of this service of the platform.
    #[must_use]
    pub fn by(mut self, caller: &str) -> Self {
        self.caller = Some(caller.to_owned());
        self
    }

    /// Only invocations of this function.
    #[must_use]
    pub fn of(mut self, function: &str) -> Self {
        self.function = Some(function.to_owned());
        self
    }

    fn matches(&self, call: &Call) -> bool {
        let is =
            |wanted: &Option<String>, found: &str| wanted.as_deref().is_none_or(|it| it == found);
        is(&self.service, &call.service)
            && is(&self.operation, &call.operation)
            && is(&self.caller, &call.caller.to_string())
            && is(&self.function, &invoked(call))
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
        let kills_no_function = self.fault.kills() && !matches!(call.caller, Caller::Function(_));
        if kills_no_function || !self.target.matches(call) {
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
    #[expect(clippy::must_use_candidate, reason = "not every test counts hits")]
    pub fn plant(&self, target: Target, fault: Fault) -> Planted {
        let planted = Planted {
            fault,
            target,
            seen: Arc::default(),
            fired: Arc::default(),
        };
        self.planted.write().push(planted.clone());
        planted
    }

    /// Takes all faults away.
    pub fn clear(&self) {
        self.planted.write().clear();
    }

    /// The first fault that hits this call. Each fault counts the calls that it was asked about.
    #[must_use]
    pub fn matching(&self, call: &Call) -> Option<Fault> {
        let planted = self.planted.read();
        let hit = planted.iter().find(|planted| planted.hits(call));
        hit.map(|planted| planted.fault)
    }
}
