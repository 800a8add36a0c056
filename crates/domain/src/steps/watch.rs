//! A wait that an alarm can end, and the reading that follows it.

use crate::alarms::{Reading, Verdict};
use crate::ids::Millis;
use crate::record::Ticket;
use serde::{Deserialize, Serialize};

mod question;

pub use question::{About, Question, asked};

/// What the state machine gives to `watch`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Who may act.
    pub ticket: Ticket,
    /// Step Functions' task token, to begin a wait; absent to read the alarms at the end of one.
    #[serde(default)]
    pub token: Option<String>,
    /// When the state was entered in which the wait is. A call that is made again is another call in the same wait, which
    /// began with the first.
    #[serde(default)]
    pub entered: Option<Millis>,
    /// What a person is asked, who can end the wait as well.
    #[serde(default)]
    pub ask: Option<Question>,
}

/// When a wait began, as alarms' history counts for it; `now` where it was not given.
#[must_use]
pub fn since(entered: Option<Millis>, now: Millis) -> Millis {
    entered.map_or(now, |entered| entered.min(now))
}

/// What `watch` answers. A clean reading; anything else is `Upgrade.AlarmRaised`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Output {
    /// One sentence for a person.
    pub summary: String,
    /// Since when the alarms were read.
    pub quiet_since: Millis,
    /// Why the alarms are inconclusive; `None` if all is well.
    #[serde(default)]
    pub inconclusive: Option<String>,
}

/// What `watch` answers once a wait has begun.
#[must_use]
pub fn begun(since: Millis, readings: &[Reading]) -> Output {
    let summary = match readings.len() {
        0 => "The wait has begun; no alarm can end it.".to_owned(),
        1 => "The wait has begun; an alarm can end it.".to_owned(),
        many => format!("The wait has begun; {many} alarms can end it."),
    };
    Output {
        summary,
        quiet_since: since,
        inconclusive: None,
    }
}

/// What `watch` answers after a reading without an ALARM.
#[must_use]
pub fn read(since: Millis, readings: &[Reading], verdict: Verdict) -> Output {
    match verdict {
        Verdict::Quiet => quiet(since, readings),
        Verdict::Inconclusive(why) => Output {
            summary: format!("The alarms are inconclusive: {why}."),
            quiet_since: since,
            inconclusive: Some(why),
        },
    }
}

fn quiet(since: Millis, readings: &[Reading]) -> Output {
    let summary = match readings.len() {
        0 => "No alarm guards this upgrade, so the wait alone says little.".to_owned(),
        1 => "The alarm was quiet all the time.".to_owned(),
        many => format!("All {many} alarms were quiet all the time."),
    };
    Output {
        summary,
        quiet_since: since,
        inconclusive: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_that_is_made_again_goes_on_with_the_wait_of_the_first() {
        let (first, again) = (Millis(1_000), Millis(9_000));
        assert_eq!(since(Some(first), again), first);
        assert_eq!(since(Some(again), first), first, "another clock is ahead");
        assert_eq!(since(None, again), again);
    }
}
