//! What routes the application's reads and writes.

use crate::inspection::Case;
use crate::plan::Check;
use crate::rds::{READS_TAG, WRITES_TAG};
use crate::routes::{Named, Route, Traffic};
use std::collections::BTreeMap;

const READS: &str = "reads";
const WRITES: &str = "writes";
/// An answer that clients keep for longer than this, in seconds, makes a failback slow.
const LONG: u32 = 60;

pub(super) fn checks(case: &Case<'_>) -> [Check; 2] {
    [reads(case), writes(case)]
}

fn reads(case: &Case<'_>) -> Check {
    let Some(named) = &case.seen.reads_name else {
        let remedy = format!(
            "put the readers' name on weighted records and name it in `reads.record`, or tag the instance with {READS_TAG}; docs/routes.md has the other ways"
        );
        let found =
            "nothing routes the reads by weight, so that they move with the writes, all at once";
        return Check::warning(READS, found, &remedy);
    };
    let route = match there(READS, named, Traffic::Reads, &case.seen.reads) {
        Ok(route) => route,
        Err(check) => return check,
    };
    let hosts: BTreeMap<String, String> = case
        .members()
        .filter_map(|member| member.address.clone())
        .map(|address| (address.clone(), address))
        .collect();
    let writer = case.writer.address.as_deref().unwrap_or_default();
    match route.share(&hosts, writer, 100, 1) {
        Ok(_) => Check::pass(READS, route.found()),
        Err(error) => Check::blocker(READS, error.message, named.remedy(Traffic::Reads)),
    }
}

fn writes(case: &Case<'_>) -> Check {
    let Some(named) = &case.seen.writes_name else {
        let remedy = format!(
            "let the application write by a CNAME of your own and name it in `writes.record`, or tag the instance with {WRITES_TAG}; docs/routes.md has the other ways"
        );
        let found = "no route leads to the writer, so a failback has to rename instances: about ten minutes each on RDS, during which no side takes writes";
        return Check::warning(WRITES, found, &remedy);
    };
    let route = match there(WRITES, named, Traffic::Writes, &case.seen.writes) {
        Ok(route) => route,
        Err(check) => return check,
    };
    let reads = case.seen.reads_name.as_ref().map(Named::to_string);
    if reads == Some(named.to_string()) {
        let found = format!("{named} leads the reads as well");
        let remedy = "give reads and writes a name each: reads move to green first";
        return Check::blocker(WRITES, found, remedy);
    }
    let writer = case.writer.address.as_deref().unwrap_or_default();
    let kept = route.kept_seconds();
    match route.astray(writer) {
        Some(elsewhere) => Check::blocker(
            WRITES,
            format!("{named} leads to {elsewhere}, not to {writer}"),
            named.remedy(Traffic::Writes),
        ),
        None if kept > LONG => Check::warning(
            WRITES,
            format!("clients keep the address of {named} for {kept} s"),
            "shorten that: a failback waits that long for clients without a connection pool",
        ),
        None => Check::pass(WRITES, route.found()),
    }
}

/// The route of a name, or the check that says why there is none.
fn there<'a>(
    check: &str,
    named: &Named,
    traffic: Traffic,
    found: &'a Result<Option<Route>, String>,
) -> Result<&'a Route, Check> {
    let why = match found {
        Ok(Some(route)) => return Ok(route),
        Ok(None) => format!("{named} is not there"),
        Err(why) => format!("{named} can't be used: {why}"),
    };
    Err(Check::blocker(check, why, named.remedy(traffic)))
}

#[cfg(test)]
mod tests {
    use crate::plan::Verdict::{self, Blocker, Pass, Warning};
    use crate::routes::Route;
    use crate::samples::{check, plan_of, pointer, verdict, well};
    use serde_json::json;

    fn writes(found: Result<Option<Route>, String>, named: bool) -> Option<Verdict> {
        let mut seen = well();
        seen.writes = found;
        seen.writes_name = seen.writes_name.filter(|_| named);
        verdict(&plan_of(&json!({}), &seen), super::WRITES)
    }

    #[test]
    fn a_record_that_does_not_lead_to_the_writer_is_in_the_way() {
        for (found, expected) in [
            (Ok(Some(pointer("orders.rds.test", 5))), Pass),
            (Ok(Some(pointer("orders.rds.test", 300))), Warning),
            (Ok(Some(pointer("other.rds.test", 5))), Blocker),
            (Ok(None), Blocker),
            (Err("weighted".into()), Blocker),
        ] {
            assert_eq!(writes(found, true), Some(expected));
        }
        assert_eq!(writes(Ok(None), false), Some(Warning));
    }

    #[test]
    fn one_name_does_not_lead_reads_and_writes() {
        let mut seen = well();
        seen.writes_name.clone_from(&seen.reads_name);
        let output = plan_of(&json!({}), &seen);
        let check = check(&output, super::WRITES);
        assert!(check.is_some_and(|check| check.found.contains("the reads as well")));
    }
}
