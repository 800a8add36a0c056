//! Who may do what: the template's policies, held against every call of a function or a state machine as IAM would.
//!
//! A policy is proven in both directions. A call that no statement allows is refused, so that a missing permission shows in
//! the tests; and each run keeps which statement allowed what, so that a permission which no run needs shows as well.

mod condition;
mod decision;
mod dependent;
mod findings;
mod guard;
mod pattern;
mod request;
mod statement;
mod table;
mod used;

pub use condition::{Condition, Context, Keys};
pub use decision::{Denial, Grant, decide};
pub use dependent::{DEPENDENT, Dependent};
pub use findings::{Findings, compare};
pub use guard::Guard;
pub use request::{Facts, Need, Request};
pub use statement::{Effect, Statement, read};
pub use table::table;
pub use used::{Line, Used, folder, union};

use crate::arn;
use std::collections::BTreeMap;

/// What each role may do, by the name of the function or machine, or of the role itself where rules and schedules call in it.
pub type Roles = BTreeMap<String, Vec<Statement>>;

/// The parameters of the template with which a stack has all that parameters can give it, and so every permission.
#[must_use]
pub fn everything() -> BTreeMap<String, String> {
    let key = arn("kms", "key/yours");
    let parameters = [
        ("SubnetIds", "subnet-1"),
        ("SecurityGroupIds", "sg-1"),
        ("KmsKeyArn", key.as_str()),
        ("RequestSource", "com.example.releases"),
        ("ScheduleExpression", "rate(60 minutes)"),
    ];
    parameters
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
}

/// Tags by key.
pub type Tags = BTreeMap<String, String>;
