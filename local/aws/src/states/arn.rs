//! The names of machines and executions.

use super::error::Refusal;

/// Where this platform is: the part that all its ARNs share.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) region: String,
    pub(super) account: String,
}

impl Place {
    pub(super) fn machine(&self, name: &str) -> String {
        format!(
            "arn:aws:states:{}:{}:stateMachine:{name}",
            self.region, self.account
        )
    }

    pub(super) fn execution(&self, machine: &str, name: &str) -> String {
        format!(
            "arn:aws:states:{}:{}:execution:{machine}:{name}",
            self.region, self.account
        )
    }

    pub(super) fn role(&self, machine: &str) -> String {
        format!("arn:aws:iam::{}:role/{machine}", self.account)
    }
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
        return Err(Refusal::new(
            "InvalidArn",
            format!("Invalid Arn: '{arn}' is no {kind} of Step Functions"),
        ));
    }
    Ok(parts)
}

/// Refuses names that the service refuses.
pub(super) fn check_name(name: &str) -> Result<(), Refusal> {
    let forbidden =
        |c: char| c.is_whitespace() || c.is_control() || "<>{}[]?*\"#%\\^|~`$&,;:/".contains(c);
    if name.is_empty() || name.chars().count() > 80 || name.contains(forbidden) {
        return Err(Refusal::new(
            "InvalidName",
            format!("Invalid Name: '{name}'"),
        ));
    }
    Ok(())
}
