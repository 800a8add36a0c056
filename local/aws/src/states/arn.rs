//! The names of machines and executions.

use super::error::Refusal;
use crate::{ACCOUNT, arn};

/// The ARN of a machine.
pub(super) fn machine(name: &str) -> String {
    arn("states", &format!("stateMachine:{name}"))
}

/// The ARN of an execution.
pub(super) fn execution(machine: &str, name: &str) -> String {
    arn("states", &format!("execution:{machine}:{name}"))
}

/// The ARN of a machine's role.
pub(super) fn role(machine: &str) -> String {
    format!("arn:aws:iam::{ACCOUNT}:role/{machine}")
}

/// The machine's own ARN: without the version or alias by which it was named.
pub(super) fn unqualified(machine_arn: &str) -> Result<String, Refusal> {
    let parts = parts(machine_arn, "stateMachine")?;
    Ok(parts[..7].join(":"))
}

/// Refuses what is no execution's ARN.
pub(super) fn check_execution(arn: &str) -> Result<(), Refusal> {
    parts(arn, "execution").map(|_| ())
}

fn parts<'a>(arn: &'a str, kind: &str) -> Result<Vec<&'a str>, Refusal> {
    let parts: Vec<&str> = arn.split(':').collect();
    if parts.len() < 7 || parts[0] != "arn" || parts[2] != "states" || parts[5] != kind {
        let message = format!("Invalid Arn: '{arn}' is no {kind} of Step Functions");
        return Err(Refusal::new("InvalidArn", message));
    }
    Ok(parts)
}

/// Refuses names that the service refuses.
pub(super) fn check_name(name: &str) -> Result<(), Refusal> {
    let forbidden =
        |c: char| c.is_whitespace() || c.is_control() || "<>{}[]?*\"#%\\^|~`$&,;:/".contains(c);
    if name.is_empty() || name.chars().count() > 80 || name.contains(forbidden) {
        let message = format!("Invalid Name: '{name}'");
        return Err(Refusal::new("InvalidName", message));
    }
    Ok(())
}
