//! What a plan is decided from: everything that was read, and nothing that was touched.

use crate::alarms::Reading;
use crate::ids::Epoch;
use crate::plan::Check;
use crate::rds::{Deployment, Instance, UpgradeTarget};
use crate::request::{Request, Strategy};
use crate::routes::{Named, Route};
use crate::version::Version;
use std::fmt;

/// Everything that was read. What could not be read says why, and counts as bad.
#[derive(Debug)]
pub struct Seen {
    /// The last claim on the database, as [`crate::claims::last`] has it; read before everything else.
    pub last_claim: Option<Epoch>,
    /// The instance that the request names, if there is one.
    pub writer: Option<Instance>,
    /// Its replicas, as many as could be found.
    pub readers: Vec<Instance>,
    /// The versions that RDS offers from the writer's.
    pub targets: Vec<UpgradeTarget>,
    /// The parameter group family of the version to reach.
    pub family: Option<String>,
    /// The family of the parameter group that the request names for green; none if it names none or there is none.
    pub green_group_family: Option<String>,
    /// Whether green's parameter group turns logical replication on.
    pub green_group_is_logical: bool,
    /// Whether it bounds the log that a slot may hold back.
    pub green_group_bounds_slots: bool,
    /// The blue/green deployments of which the writer is source or target.
    pub deployments: Vec<Deployment>,
    /// Whether our secret has no password, so that we log in by IAM.
    pub by_iam: bool,
    /// What the writer's server says.
    pub server: Result<Box<dyn Inspection>, Unreadable>,
    /// The alarms that guard the upgrade.
    pub alarms: Result<Vec<Reading>, String>,
    /// How many confirmed subscriptions the topic of the notices has.
    pub subscribers: Result<u32, String>,
    /// Whether Step Functions reports the status of the planning execution.
    pub execution: Result<(), String>,
    /// What routes reads, by request or by tag.
    pub reads_name: Option<Named>,
    /// The route of that name.
    pub reads: Result<Option<Route>, String>,
    /// What leads to the writer, by request or by tag.
    pub writes_name: Option<Named>,
    /// The route of that name.
    pub writes: Result<Option<Route>, String>,
}

/// Why the writer's server could not be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// What happened.
    pub why: String,
    /// What to do about it, in the words of the engine.
    pub remedy: String,
}

/// A server, inspected by its engine: what of it belongs to the upgrade, and what is in the way.
pub trait Inspection: fmt::Debug {
    /// The databases that belong to the upgrade.
    fn databases(&self) -> Vec<String>;
    /// The roles that the fence closes: those that the request names, or every one that the application could use.
    fn application_roles(&self, request: &Request) -> Vec<String>;
    /// The engine's own checks, in the order in which a person reads them.
    fn checks(&self, case: &Case<'_>) -> Vec<Check>;
}

/// What all checks look at.
pub struct Case<'a> {
    /// What was asked for.
    pub request: &'a Request,
    /// Everything that was read.
    pub seen: &'a Seen,
    /// The instance that is to be upgraded.
    pub writer: &'a Instance,
    /// Its version.
    pub from: Version,
    /// The version to reach.
    pub to: Version,
    /// How it will be done.
    pub strategy: Strategy,
}

impl Case<'_> {
    /// The writer and its replicas.
    pub fn members(&self) -> impl Iterator<Item = &Instance> {
        std::iter::once(self.writer).chain(&self.seen.readers)
    }
}

/// Names for a sentence: all of a few, and of many the first few and how many there are.
#[must_use]
pub fn listed<T: AsRef<str>>(names: &[T]) -> String {
    let shown: Vec<&str> = names.iter().map(AsRef::as_ref).take(8).collect();
    match names.len() - shown.len() {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// Texts in a row.
pub(crate) fn joined<T: fmt::Display>(texts: impl IntoIterator<Item = T>, between: &str) -> String {
    let texts: Vec<String> = texts.into_iter().map(|text| text.to_string()).collect();
    texts.join(between)
}

/// `1 table`, `2 tables`.
#[must_use]
pub fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

impl Seen {
    /// There is no such instance, so that nothing else was looked at.
    #[must_use]
    pub fn nothing() -> Self {
        Self {
            last_claim: None,
            writer: None,
            readers: vec![],
            targets: vec![],
            family: None,
            green_group_family: None,
            green_group_is_logical: false,
            green_group_bounds_slots: false,
            deployments: vec![],
            by_iam: false,
            server: Err(Unreadable {
                why: "there is none".to_owned(),
                remedy: String::new(),
            }),
            alarms: Ok(vec![]),
            subscribers: Ok(0),
            execution: Ok(()),
            reads_name: None,
            reads: Ok(None),
            writes_name: None,
            writes: Ok(None),
        }
    }
}
