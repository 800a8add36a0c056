//! The alarm that guards the upgrade.

use super::{Turn, World};
use domain::alarms::{Reading, State};
use domain::ids::Millis;

/// The alarm's name.
pub const ALARM: &str = "orders-errors";

/// An alarm with its history.
#[derive(Debug, Clone)]
pub struct Alarm {
    /// What it shows.
    pub state: State,
    /// Since when.
    pub since: i64,
    /// When it went to `ALARM`.
    pub rang: Vec<i64>,
    /// When that last began, for EventBridge, until the walk has delivered it.
    pub untold: Option<i64>,
}

impl Default for Alarm {
    /// An alarm that is quiet.
    fn default() -> Self {
        Self {
            state: State::Ok,
            since: 0,
            rang: vec![],
            untold: None,
        }
    }
}

impl World {
    /// The alarm changes.
    pub fn alarm_turns(&mut self, state: State) {
        self.note(|| format!("  alarm {state:?}"));
        let begins = state == State::Alarm && self.alarm.state != State::Alarm;
        if self.alarm.state != state {
            (self.alarm.state, self.alarm.since) = (state, self.now);
        }
        if begins {
            self.alarm.rang.push(self.now);
            self.alarm.untold = Some(self.now);
        }
        if state != State::Ok {
            let long = self.dice.chance(2_000);
            let longest = if long { 3_600_000 } else { 120_000 };
            let after = self.dice.between(5_000, longest);
            self.later(after, Turn::Quiet);
        }
    }

    /// What the plan's alarms show, and whether they rang since a moment.
    pub fn readings(&self, names: &[String], since: Option<Millis>) -> Vec<Reading> {
        let rang = |since: Millis| self.alarm.rang.iter().any(|rang| *rang >= since.0);
        let readings = names.iter().map(|name| Reading {
            alarm: name.clone(),
            state: self.alarm.state,
            went_to_alarm: since.is_some_and(rang),
            flapped: false,
        });
        readings.collect()
    }
}
