//! Logging in by IAM: what it needs of the instances.

use crate::inspection::{Case, listed};
use crate::plan::Check;

/// Where we log in by IAM, every member must take tokens: the SDK signs them, and RDS alone can tell whether it looks at them.
pub(super) fn by_iam(case: &Case<'_>) -> Option<Check> {
    const NAME: &str = "IAM login";
    if !case.seen.by_iam {
        return None;
    }
    let closed: Vec<&str> = case
        .members()
        .filter(|member| !member.iam_login)
        .map(|member| member.id.as_str())
        .collect();
    let Some(first) = closed.first() else {
        let found = "every instance has IAM database authentication on";
        return Some(Check::pass(NAME, found));
    };
    let found = format!(
        "the secret has no password, and IAM database authentication is off for {}",
        listed(&closed)
    );
    let remedy = format!(
        "aws rds modify-db-instance --db-instance-identifier {first} --enable-iam-database-authentication --apply-immediately, \
         or put the password into the secret"
    );
    Some(Check::blocker(NAME, found, &remedy))
}
