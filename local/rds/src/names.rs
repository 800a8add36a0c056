//! How RDS names things.

use crate::fault::Fault;
use jiff::Timestamp;
use local_aws::{ACCOUNT, REGION};
use rand::RngExt as _;

/// What follows an instance's name in its endpoint.
pub const DOMAIN: &str = "c0ffee000000.eu-west-1.rds.test";
/// The hosted zone of RDS's endpoints in `eu-west-1`.
pub const HOSTED_ZONE: &str = "Z29XKXDKYMONMX";

/// The ARN of a resource: `db`, `snapshot`, `pg`, `deployment`.
pub fn arn(kind: &str, name: &str) -> String {
    local_aws::arn("rds", &format!("{kind}:{name}"))
}

/// The kind and the name in an ARN.
pub fn parse_arn(text: &str) -> Result<(&str, &str), Fault> {
    let prefix = format!("arn:aws:rds:{REGION}:{ACCOUNT}:");
    text.strip_prefix(&prefix)
        .and_then(|rest| rest.split_once(':'))
        .ok_or_else(|| Fault::invalid_value(format!("Invalid resource name: {text}")))
}

/// The name of an instance that a client gave, alone or in an ARN.
pub fn instance_name(text: &str) -> Result<String, Fault> {
    let name = match text.strip_prefix("arn:") {
        None => text,
        Some(_) => match parse_arn(text)? {
            ("db", name) => name,
            _ => return Err(Fault::invalid_value(format!("{text} is no DB instance."))),
        },
    };
    Ok(name.to_lowercase())
}

/// The host name of an instance's endpoint.
#[must_use]
pub fn host_name(instance: &str) -> String {
    format!("{instance}.{DOMAIN}")
}

/// A name for an instance: letters, digits and single hyphens, a letter first, 63 characters at most.
pub fn check_instance_name(name: &str) -> Result<String, Fault> {
    if is_identifier(name, 63) {
        return Ok(name.to_lowercase());
    }
    Err(Fault::invalid_value(format!(
        "The parameter DBInstanceIdentifier is not a valid identifier: `{name}`. Identifiers must begin with a letter; must \
         contain only ASCII letters, digits, and hyphens; and must not end with a hyphen or contain two consecutive hyphens."
    )))
}

/// Whether RDS takes a text as an identifier.
pub fn is_identifier(name: &str, longest: usize) -> bool {
    name.len() <= longest
        && name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
        && !name.ends_with('-')
        && !name.contains("--")
}

/// What RDS's own names are made of.
const SMALL: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789";

/// `db-` and 26 characters of base32: what stays with an instance's data.
pub fn new_resource_id() -> String {
    format!("db-{}", random(26, b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"))
}

/// `bgd-` and 16 characters.
pub fn new_deployment_id() -> String {
    format!("bgd-{}", random(16, SMALL))
}

/// What follows blue's name in green's: `-green-` and six characters.
pub fn green_name(blue: &str) -> String {
    let suffix = random(6, SMALL);
    let room = 63 - "-green-".len() - suffix.len();
    let stem = blue.get(..room).unwrap_or(blue).trim_end_matches('-');
    format!("{stem}-green-{suffix}")
}

/// An instant as AWS writes it.
pub fn instant(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}

fn random(length: usize, alphabet: &[u8]) -> String {
    let mut rng = rand::rng();
    let pick = |_| char::from(alphabet[rng.random_range(0..alphabet.len())]);
    (0..length).map(pick).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_are_letters_digits_and_single_hyphens() {
        let (good, bad) = (
            ["a", "orders-replica", "X1"],
            ["", "1a", "a-", "a--b", "a_b"],
        );
        assert!(good.iter().all(|name| is_identifier(name, 63)));
        assert!(!bad.iter().any(|name| is_identifier(name, 63)));
    }

    #[test]
    fn a_greens_name_fits_whatever_blue_is_called() {
        let green = green_name(&"a".repeat(63));
        assert!(is_identifier(&green, 63) && green.contains("-green-"));
    }

    #[test]
    fn an_instance_is_found_by_name_and_by_arn() {
        assert_eq!(instance_name("Orders").unwrap(), "orders");
        assert_eq!(instance_name(&arn("db", "orders")).unwrap(), "orders");
        assert!(instance_name(&arn("snapshot", "orders")).is_err());
    }
}
