//! Whether anybody hears when a person is needed.

use super::Case;
use crate::plan::Check;

pub(super) fn check(case: &Case<'_>) -> Check {
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
