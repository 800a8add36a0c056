//! What is checked before anything is touched. Each check says what it found, and what to do where that is in the way. What
//! only an engine can tell is checked by its [`crate::inspection::Inspection`].

mod alarms;
mod guards;
mod instances;
mod login;
mod routes;
mod target;

use crate::inspection::Case;
use crate::plan::Check;
use crate::request::Strategy;

/// All checks that the strategy needs, in the order in which a person reads them.
pub(super) fn all(case: &Case<'_>) -> Vec<Check> {
    let mut checks = instances::checks(case);
    checks.extend(target::checks(case));
    checks.extend(login::by_iam(case));
    match &case.seen.server {
        Ok(server) => checks.extend(server.checks(case)),
        Err(unreadable) => checks.push(Check::blocker(
            "our login",
            format!("{} can't be asked: {}", case.writer.id, unreadable.why),
            &unreadable.remedy,
        )),
    }
    checks.push(alarms::check(case));
    checks.extend(guards::checks(case));
    if case.strategy == Strategy::BlueGreen {
        checks.extend(routes::checks(case));
    }
    checks
}
