//! Whether an upgrade is supervised: by people who get its notices, and by `sweep`, which asks Step Functions.

use crate::inspection::Case;
use crate::plan::Check;

pub(super) fn checks(case: &Case<'_>) -> Vec<Check> {
    vec![people(case), executions(case)]
}

/// `sweep` runs in the same subnets as the plan, so it can't reach what the plan can't reach.
fn executions(case: &Case<'_>) -> Check {
    const NAME: &str = "executions";
    match &case.seen.execution {
        Ok(()) => Check::pass(NAME, "Step Functions reports their status"),
        Err(why) => Check::blocker(
            NAME,
            format!(
                "Step Functions can't be asked, so an upgrade whose execution is gone would go unnoticed: {why}"
            ),
            "let the functions reach Step Functions from their subnets, by NAT or an interface endpoint",
        ),
    }
}

fn people(case: &Case<'_>) -> Check {
    const NAME: &str = "people";
    match &case.seen.subscribers {
        Err(why) => Check::blocker(
            NAME,
            format!("the topic of the notices can't be read: {why}"),
            "let the functions reach SNS from their subnets, by NAT or an interface endpoint; see that the stack's topic is there",
        ),
        Ok(0) => Check::warning(
            NAME,
            "the topic has no confirmed subscription, so no one learns when a person is needed",
            "subscribe an address to the stack's topic, and confirm the subscription",
        ),
        Ok(some) => Check::pass(NAME, format!("{some} subscribed to the topic")),
    }
}
