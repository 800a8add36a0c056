//! Whether what looks after an upgrade is there: people who hear of it, and Step Functions, which `sweep` asks.

use crate::inspection::Case;
use crate::plan::Check;

pub(super) fn checks(case: &Case<'_>) -> Vec<Check> {
    vec![people(case), executions(case)]
}

/// `sweep` stands where the plan stands, so that what the plan can't reach it can't reach either.
fn executions(case: &Case<'_>) -> Check {
    const NAME: &str = "executions";
    match &case.seen.execution {
        Ok(()) => Check::pass(NAME, "Step Functions tells how they stand"),
        Err(why) => Check::blocker(
            NAME,
            format!(
                "Step Functions can't be asked, so that nobody would notice an upgrade that is gone: {why}"
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
            format!("the topic that tells people can't be asked: {why}"),
            "let the functions reach SNS from their subnets, by NAT or an interface endpoint; see that the stack's topic is there",
        ),
        Ok(0) => Check::warning(
            NAME,
            "nobody has subscribed to the topic, so that nobody hears when a person is needed",
            "subscribe an address to the stack's topic, and confirm it",
        ),
        Ok(some) => Check::pass(NAME, format!("{some} told by the topic")),
    }
}
