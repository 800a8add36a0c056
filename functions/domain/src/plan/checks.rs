//! What is checked before anything is touched. Each check says what it found, and what to do where that is in the way.

mod alarms;
mod guards;
mod instances;
mod login;
mod replication;
mod roles;
mod tables;
mod target;
mod way_back;

use super::{Check, Seen, Server};
use crate::rds::Instance;
use crate::request::{Request, Strategy};
use crate::version::Version;
use crate::writes;

pub(super) use roles::chosen;

/// What all checks look at.
pub(super) struct Case<'a> {
    pub request: &'a Request,
    pub seen: &'a Seen,
    pub writer: &'a Instance,
    pub from: Version,
    pub to: Version,
    pub strategy: Strategy,
}

impl Case<'_> {
    /// The writer and its replicas.
    fn members(&self) -> impl Iterator<Item = &Instance> {
        std::iter::once(self.writer).chain(&self.seen.readers)
    }

    /// Whether the ADMIN OPTION is what lets one role alter another, on either side.
    fn needs_admin_option(&self) -> bool {
        self.from.first() >= 16 || self.to.first() >= 16
    }
}

/// All checks that the strategy needs, in the order in which a person reads them.
pub(super) fn all(case: &Case<'_>) -> Vec<Check> {
    let mut checks = instances::checks(case);
    checks.extend(target::checks(case));
    checks.extend(login::by_iam(case));
    match &case.seen.server {
        Ok(server) => checks.extend(on_server(case, server)),
        Err(why) => checks.push(Check::blocker(
            "our login",
            format!("PostgreSQL on {} can't be asked: {why}", case.writer.id),
            if case.seen.by_iam {
                "GRANT rds_iam TO the secret's user, let the function's policy allow rds-db:connect as it (the stack's DatabaseUser), and let the functions' security group reach the instance"
            } else {
                "let the secret's user log in with TLS, and let the functions' security group reach the instance"
            },
        )),
    }
    checks.push(alarms::check(case));
    checks.extend(guards::checks(case));
    if case.strategy == Strategy::BlueGreen {
        checks.push(alarms::reads(case));
        let writer = case.writer.address.as_deref().unwrap_or_default();
        let seen = case.seen;
        checks.push(writes::check(
            seen.writes_name.as_deref(),
            &seen.writes,
            writer,
        ));
    }
    checks
}

fn on_server(case: &Case<'_>, server: &Server) -> Vec<Check> {
    let mut checks = vec![
        instances::replicas(case, server),
        tables::transactions(server),
    ];
    if case.strategy == Strategy::BlueGreen {
        checks.extend(replication::checks(case, server));
        checks.extend(tables::checks(server));
        checks.extend(roles::checks(case, server));
        checks.push(way_back::check(case, server));
        checks.extend(login::follower(case, server));
    }
    checks
}

/// Names for a sentence: all of a few, and of many the first few and how many there are.
fn listed<T: AsRef<str>>(names: &[T]) -> String {
    let shown: Vec<&str> = names.iter().map(AsRef::as_ref).take(8).collect();
    match names.len() - shown.len() {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// `1 table`, `2 tables`.
fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}
