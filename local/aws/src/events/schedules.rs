//! What happens again and again: `EventBridge` Scheduler.

use super::Events;
use crate::template::{Input, RuleTarget, SCHEDULED_TIME, Schedule};
use serde_json::json;
use std::time::Duration;
use tokio::task::JoinSet;

/// However hurried the clock is, nothing happens more often than this.
const SHORTEST: Duration = Duration::from_secs(2);

impl Events {
    /// Keeps these schedules from now on: the first call is due after one period. A delivery that is tried again holds up
    /// the next one of its schedule. No call is made once these tasks are aborted or dropped.
    #[must_use]
    pub fn keep(&self, schedules: &[Schedule]) -> JoinSet<()> {
        let repeat = |schedule: Schedule| {
            let bus = self.clone();
            async move { bus.repeat(&schedule).await }
        };
        schedules.iter().cloned().map(repeat).collect()
    }

    async fn repeat(&self, schedule: &Schedule) {
        let period = self.clock.real(schedule.every).max(SHORTEST);
        let first = tokio::time::Instant::now() + period;
        let mut due = tokio::time::interval_at(first, period);
        due.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            due.tick().await;
            let event = json!({"id": uuid::Uuid::new_v4().to_string()});
            let target = timed(&schedule.target);
            self.deliver(&schedule.name, &target, &event).await;
        }
    }
}

/// The target with the moment of this call in its input.
fn timed(target: &RuleTarget) -> RuleTarget {
    let mut target = target.clone();
    if let Input::Constant(input) = &mut target.input {
        let now = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ");
        *input = input.replace(SCHEDULED_TIME, &now.to_string());
    }
    target
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::Template;
    use serde_json::Value;

    #[test]
    fn the_time_of_a_schedule_is_its_request_s_id() {
        let path = crate::toolchain::workspace().join("infra/template.yaml");
        let request = json!({"database": "orders", "target_version": "17.4"}).to_string();
        let parameters = [
            (
                "ScheduleExpression".to_owned(),
                "rate(60 minutes)".to_owned(),
            ),
            ("ScheduleInput".to_owned(), request),
        ];
        let template = Template::read(&path, &parameters.into()).expect("the shipped template");
        let mut schedules = template.schedules.iter();
        let schedule = schedules.find(|schedule| schedule.name == "UpgradeScheduled");
        let target = timed(&schedule.expect("a schedule").target);
        let Input::Constant(input) = target.input else {
            panic!("{:?}", target.input)
        };
        let input: Value = serde_json::from_str(&input).expect("JSON");
        let request = domain::request::parse(&input).expect("a request");
        let id = request.request_id.expect("an id");
        assert!(id.parse::<jiff::Timestamp>().is_ok(), "{id}");
    }
}
