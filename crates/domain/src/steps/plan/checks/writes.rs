//! The record by which the application writes.

use crate::plan::Check;
use crate::rds::WRITES_TAG;
use crate::routes::Pointer;

/// An answer that clients keep for longer than this, in seconds, makes a failback slow.
const LONG: u32 = 60;

/// Whether a failback can use the record. `name` is the record that the request or the tag names; `writer`
/// is the writer's host.
pub(super) fn check(
    name: Option<&str>,
    found: &Result<Option<Pointer>, String>,
    writer: &str,
) -> Check {
    const NAME: &str = "writes";
    let Some(name) = name else {
        let remedy = format!(
            "let the application write by a CNAME of your own and name it in `writes.record`, or tag the instance with {WRITES_TAG}"
        );
        let found = "no record leads to the writer, so a failback has to rename instances: about ten minutes each on RDS, during which no side takes writes";
        return Check::warning(NAME, found, &remedy);
    };
    match found {
        Err(why) => Check::blocker(
            NAME,
            format!("the record {name} can't be used: {why}"),
            REMEDY,
        ),
        Ok(None) => Check::blocker(NAME, format!("there is no record {name}"), REMEDY),
        Ok(Some(pointer)) if pointer.target != writer => Check::blocker(
            NAME,
            format!("{name} leads to {}, not to {writer}", pointer.target),
            REMEDY,
        ),
        Ok(Some(pointer)) if pointer.ttl > LONG => Check::warning(
            NAME,
            format!("clients keep the address of {name} for {} s", pointer.ttl),
            "lower its TTL: a failback waits that long for clients without a connection pool",
        ),
        Ok(Some(pointer)) => Check::pass(NAME, format!("{name}, kept for {} s", pointer.ttl)),
    }
}

const REMEDY: &str =
    "let the name be one plain CNAME that leads to the writer's endpoint, or correct it";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Verdict;

    fn verdict(name: Option<&str>, found: &Result<Option<Pointer>, String>) -> Verdict {
        check(name, found, "orders.rds.test").verdict
    }

    fn pointer(target: &str, ttl: u32) -> Pointer {
        Pointer {
            zone: "Z1".into(),
            name: "orders-writes.shop.test".into(),
            target: target.into(),
            ttl,
        }
    }

    #[test]
    fn a_record_that_does_not_lead_to_the_writer_is_in_the_way() {
        let name = Some("orders-writes.shop.test");
        assert_eq!(
            verdict(name, &Ok(Some(pointer("orders.rds.test", 5)))),
            Verdict::Pass
        );
        assert_eq!(
            verdict(name, &Ok(Some(pointer("orders.rds.test", 300)))),
            Verdict::Warning
        );
        for found in [
            Ok(Some(pointer("other.rds.test", 5))),
            Ok(None),
            Err("weighted".into()),
        ] {
            assert_eq!(verdict(name, &found), Verdict::Blocker);
        }
        assert_eq!(verdict(None, &Ok(None)), Verdict::Warning);
    }
}
