//! Ways to move an application's traffic between blue and green, each with its model in a file of its own.
//!
//! A [`Route`] is a state: a customer's records or parameter as found, as they are now, or as they should be. What a step
//! decides by it is the same for all of them, so no step knows which one it is. Another way to move traffic is another variant
//! here, beside its model, and a file in the crate `routes` that finds, reads and changes it.

mod cname;
mod listener;
mod named;
mod parameter;
mod weighted;

pub use cname::Pointer;
pub use listener::{Address, Listener, Part, Target, TargetGroup};
pub use named::{Named, POLL_SECONDS, Traffic};
pub use parameter::Parameter;
pub use weighted::{Change, GREEN, Records, Weighted, changes, strangers};

use crate::error::StepError;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What leads the application's reads or writes, in one of its states. On the wire each has its own fields and no tag, as the
/// first two had when there were no others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Route {
    /// Weighted records of DNS, which share reads.
    Weighted(Records),
    /// A plain CNAME, which leads to the writer.
    Cname(Pointer),
    /// A parameter that clients poll.
    Parameter(Parameter),
    /// A listener of a load balancer.
    Listener(Listener),
}

impl Route {
    /// What the customer calls it.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Weighted(route) => &route.name,
            Self::Cname(route) => &route.name,
            Self::Parameter(route) => &route.parameter,
            Self::Listener(route) => &route.listener,
        }
    }

    /// Its kind and name, for a sentence: `the record orders-writes.example.com`.
    #[must_use]
    pub fn title(&self) -> String {
        match self {
            Self::Weighted(route) => format!("the weighted name {}", route.name),
            Self::Cname(route) => format!("the record {}", route.name),
            Self::Parameter(route) => format!("the parameter {}", route.parameter),
            Self::Listener(route) => format!("the listener {}", route.listener),
        }
    }

    /// What was found, for the plan: `orders-reads.example.com with 2 weighted records`.
    #[must_use]
    pub fn found(&self) -> String {
        match self {
            Self::Weighted(route) => {
                let records = route.records.len();
                let plural = if records == 1 { "" } else { "s" };
                format!("{} with {records} weighted record{plural}", route.name)
            }
            Self::Cname(route) => format!("{}, kept for {} s", route.name, route.ttl),
            Self::Parameter(route) => format!(
                "{} at version {}, polled every {} s",
                route.parameter, route.version, route.poll_seconds
            ),
            Self::Listener(route) => {
                let groups = route.groups.len();
                let plural = if groups == 1 { "" } else { "s" };
                format!("{} with {groups} target group{plural}", route.listener)
            }
        }
    }

    /// Seconds for which a client may go on using what it was told before a change.
    #[must_use]
    pub fn kept_seconds(&self) -> u32 {
        match self {
            Self::Weighted(route) => route.kept_seconds(),
            Self::Cname(route) => route.ttl,
            Self::Parameter(route) => route.poll_seconds,
            Self::Listener(_) => listener::SETTLE_SECONDS,
        }
    }

    /// Whether a share of the traffic can move; else all of it moves at once.
    #[must_use]
    pub const fn is_divisible(&self) -> bool {
        match self {
            Self::Weighted(_) | Self::Listener(_) => true,
            Self::Cname(_) | Self::Parameter(_) => false,
        }
    }

    /// Percent of the traffic that goes to green when so many are asked for. What is not divisible moves at 100.
    #[must_use]
    pub const fn moved(&self, percent: u8) -> u8 {
        if self.is_divisible() || percent >= 100 {
            percent
        } else {
            0
        }
    }

    /// The route with [`Self::moved`] of its traffic on green; 0 percent is exactly the route itself, as it was found. `greens`
    /// has green's host for each host of blue, whose writer's is `writer`; where a route has records, `ttl` is theirs in seconds
    /// meanwhile.
    ///
    /// # Errors
    ///
    /// `Upgrade.InvalidInput` for more than 100 percent; `Upgrade.Refused` if it leads to a host without a counterpart.
    pub fn share(
        &self,
        greens: &BTreeMap<String, String>,
        writer: &str,
        percent: u8,
        ttl: u32,
    ) -> Result<Self, StepError> {
        if percent > 100 {
            return Err(StepError::invalid_input(format!(
                "`percent` is {percent}; it goes from 0 to 100"
            )));
        }
        match self {
            Self::Weighted(route) => route.share(greens, percent, ttl).map(Self::Weighted),
            Self::Cname(route) => Err(StepError::refused(format!(
                "`{}` is one plain CNAME, which can't share reads",
                route.name
            ))),
            Self::Parameter(route) => route.share(greens, writer, percent).map(Self::Parameter),
            Self::Listener(route) if percent == 0 => Ok(Self::Listener(route.clone())),
            Self::Listener(route) => route.beside(greens, percent).map(Self::Listener),
        }
    }

    /// Whether it leads to addresses, which stay with an instance when another takes over its name. Before the switchover it is made
    /// [`Self::poised`]; once green serves it is moved, and at the end made as found again.
    #[must_use]
    pub const fn has_addresses(&self) -> bool {
        matches!(self, Self::Listener(_))
    }

    /// The route that leads all traffic to blue, and moves to green in a moment: what leads to addresses has green's ready beside
    /// them. Where names lead it is the route itself.
    ///
    /// # Errors
    ///
    /// As [`Self::share`].
    pub fn poised(&self, greens: &BTreeMap<String, String>) -> Result<Self, StepError> {
        match self {
            Self::Listener(route) => route.beside(greens, 0).map(Self::Listener),
            by_name => Ok(by_name.clone()),
        }
    }

    /// The same, changed without waiting for the health of what it leads to: the other side is closed.
    #[must_use]
    pub fn at_once(self) -> Self {
        match self {
            Self::Listener(route) => Self::Listener(Listener {
                at_once: true,
                ..route
            }),
            by_name => by_name,
        }
    }

    /// The same route, leading to the host that `hosts` has for each of its own; a host without one stays.
    #[must_use]
    pub fn to(&self, hosts: &BTreeMap<String, String>) -> Self {
        match self {
            Self::Weighted(route) => Self::Weighted(route.to(hosts)),
            Self::Cname(route) => Self::Cname(route.translated(hosts)),
            Self::Parameter(route) => Self::Parameter(route.to(hosts)),
            Self::Listener(route) => Self::Listener(route.to(hosts)),
        }
    }

    /// Whether `now` matches this route. Records that others have added are ignored.
    #[must_use]
    pub fn is_met_by(&self, now: Option<&Self>) -> bool {
        match (self, now) {
            (Self::Weighted(wanted), Some(Self::Weighted(now))) => {
                changes(&now.records, &wanted.records).is_empty()
            }
            (Self::Parameter(wanted), Some(Self::Parameter(now))) => now.value == wanted.value,
            _ => now == Some(self),
        }
    }

    /// Where it leads all traffic to, unless that is `host`; nothing if it does lead there.
    #[must_use]
    pub fn astray(&self, host: &str) -> Option<String> {
        match self {
            Self::Cname(route) if route.target == host => None,
            Self::Cname(route) => Some(route.target.clone()),
            Self::Weighted(_) => Some("several records".to_owned()),
            // The value may be more than a host, so it is not shown.
            Self::Parameter(route) if route.names(host) => None,
            Self::Listener(route) if route.leads_only_to(host) => None,
            Self::Parameter(_) | Self::Listener(_) => Some("another host".to_owned()),
        }
    }
}

/// Seconds until no client uses what it was told before a change. A step that finds its change done may have made it a moment
/// ago and lost the answer, so it waits for what clients were told at first as well.
#[must_use]
pub fn settle_seconds(before: Option<&Route>, wanted: &Route, original: &Route) -> u32 {
    let kept = before.map_or(0, Route::kept_seconds);
    if wanted.is_met_by(before) {
        kept.max(original.kept_seconds())
    } else {
        kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn weighted() -> Route {
        Route::Weighted(Records {
            zone: "Z1".into(),
            name: "reads.example.com".into(),
            records: vec![Weighted {
                set_identifier: "one".into(),
                target: "blue".into(),
                weight: 100,
                ttl: 60,
                health_check: None,
            }],
        })
    }

    #[test]
    fn a_record_of_the_release_before_decodes() {
        let records = json!({"zone": "Z1", "name": "reads.example.com", "records": [
            {"set_identifier": "one", "target": "blue", "weight": 100, "ttl": 60}]});
        let pointer =
            json!({"zone": "Z1", "name": "writes.example.com", "target": "blue", "ttl": 5});
        let read = |value: &serde_json::Value| -> Route {
            serde_json::from_value(value.clone()).expect("a route")
        };
        assert_eq!(read(&records), weighted());
        assert!(matches!(read(&pointer), Route::Cname(_)));
        for value in [records, pointer] {
            assert_eq!(serde_json::to_value(read(&value)).expect("writes"), value);
        }
    }

    #[test]
    fn a_parameter_moves_at_the_last_step_only() {
        let parameter = Route::Parameter(Parameter {
            parameter: "/orders/reads".into(),
            value: "blue.rds.test:5432".into(),
            version: 3,
            poll_seconds: 30,
        });
        let greens = BTreeMap::from([("blue.rds.test".to_owned(), "green.rds.test".to_owned())]);
        let at = |percent| {
            parameter
                .share(&greens, "writer", percent, 1)
                .expect("a share")
        };
        assert_eq!((parameter.moved(50), at(50)), (0, parameter.clone()));
        assert_eq!(parameter.moved(100), 100);
        assert!(!at(100).is_met_by(Some(&parameter)));
        assert_eq!(settle_seconds(Some(&parameter), &at(100), &parameter), 30);
        let text = serde_json::to_value(&parameter).expect("writes");
        assert_eq!(
            serde_json::from_value::<Route>(text).expect("reads"),
            parameter
        );
    }

    #[test]
    fn the_first_shift_waits_for_the_original_answers_to_expire_also_when_it_runs_again() {
        let original = weighted();
        let greens = BTreeMap::from([("blue".to_owned(), "green".to_owned())]);
        let at = |percent| {
            original
                .share(&greens, "writer", percent, 1)
                .expect("a share")
        };
        let settle =
            |before: &Route, wanted: &Route| settle_seconds(Some(before), wanted, &original);
        assert_eq!(settle(&original, &at(10)), 60);
        assert_eq!(settle(&at(10), &at(10)), 60);
        assert_eq!(settle(&at(10), &at(20)), 1);
    }
}
