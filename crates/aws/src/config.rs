//! What the functions read from their environment, apart from what the AWS SDK and the Lambda runtime read themselves.

use domain::error::StepError;
use std::net::SocketAddr;

/// A setting that only some functions have, and can't do without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// `TOPIC_ARN` and `CHAT_TOPIC_ARN`: where notices are published.
    Topics,
    /// `ROLLBACK_MACHINE_ARN`: the rollback machine.
    RollbackMachine,
}

impl Need {
    const fn missing(self) -> &'static str {
        match self {
            Self::Topics => "TOPIC_ARN or CHAT_TOPIC_ARN is missing: the topics of the notices",
            Self::RollbackMachine => "ROLLBACK_MACHINE_ARN is missing: the rollback machine",
        }
    }

    /// The failure of a call that needs the setting, in a function that did not declare it.
    pub(crate) fn undeclared(self) -> StepError {
        StepError::failed(self.missing())
    }
}

/// The settings, read once, in `main`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Config {
    /// `UPGRADES_TABLE`: the table of claims and records.
    pub(crate) upgrades_table: String,
    /// `CREDENTIALS_PREFIX`: what stands before a database's name in its secret's name.
    pub(crate) credentials_prefix: String,
    /// `RECORD_TTL_SECONDS`: the TTL of weighted records while an upgrade moves reads.
    pub(crate) record_ttl_seconds: u32,
    /// Where notices are published, if both topics are known.
    pub(crate) topics: Option<Topics>,
    /// `ROLLBACK_MACHINE_ARN`: the rollback machine.
    pub(crate) rollback_machine: Option<String>,
    /// `VIRIDIAN_NAMESERVER`: who resolves the databases' names, where it is not the system's resolver.
    pub(crate) nameserver: Option<SocketAddr>,
}

/// The topics of the notices, by their ARNs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Topics {
    /// `TOPIC_ARN`: for mail.
    pub(crate) people: String,
    /// `CHAT_TOPIC_ARN`: for a chat.
    pub(crate) chat: String,
}

/// Everything that is wrong with the environment, at once.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the environment is not complete: {}", .0.join("; "))]
pub struct Unset(pub Vec<String>);

impl Config {
    /// Reads the process's environment.
    ///
    /// # Errors
    ///
    /// Every name that is missing and every value that can't be read, at once.
    pub(crate) fn from_env(needs: &[Need]) -> Result<Self, Unset> {
        Self::read(needs, |name| std::env::var(name).ok())
    }

    fn read(needs: &[Need], value: impl Fn(&str) -> Option<String>) -> Result<Self, Unset> {
        let mut unset = vec![];
        let value = |name| value(name).filter(|text| !text.is_empty());
        let topics = value("TOPIC_ARN").zip(value("CHAT_TOPIC_ARN"));
        let config = Self {
            upgrades_table: value("UPGRADES_TABLE").unwrap_or_else(|| {
                unset.push(
                    "UPGRADES_TABLE is missing: the name of the table of upgrades".to_owned(),
                );
                String::new()
            }),
            credentials_prefix: value("CREDENTIALS_PREFIX")
                .unwrap_or_else(|| "viridian/".to_owned()),
            record_ttl_seconds: parsed(
                value("RECORD_TTL_SECONDS"),
                "RECORD_TTL_SECONDS is no number of seconds",
                &mut unset,
            )
            .unwrap_or(1),
            topics: topics.map(|(people, chat)| Topics { people, chat }),
            rollback_machine: value("ROLLBACK_MACHINE_ARN"),
            nameserver: parsed(
                value("VIRIDIAN_NAMESERVER"),
                "VIRIDIAN_NAMESERVER is no `ip:port`",
                &mut unset,
            ),
        };
        unset.extend(config.lacks(needs));
        if unset.is_empty() {
            Ok(config)
        } else {
            Err(Unset(unset))
        }
    }

    fn lacks(&self, needs: &[Need]) -> impl Iterator<Item = String> {
        let lacking = needs.iter().filter(|need| match need {
            Need::Topics => self.topics.is_none(),
            Need::RollbackMachine => self.rollback_machine.is_none(),
        });
        lacking.map(|need| need.missing().to_owned())
    }
}

fn parsed<T: std::str::FromStr>(
    text: Option<String>,
    fault: &str,
    unset: &mut Vec<String>,
) -> Option<T> {
    let text = text?;
    let parsed = text.parse().ok();
    if parsed.is_none() {
        unset.push(format!("{fault}: `{text}`"));
    }
    parsed
}

#[cfg(test)]
mod tests {
    use super::{Config, Need};

    #[test]
    fn everything_that_is_wrong_is_said_at_once() {
        let unset = Config::read(&[Need::Topics, Need::RollbackMachine], |name| match name {
            "UPGRADES_TABLE" | "CHAT_TOPIC_ARN" | "ROLLBACK_MACHINE_ARN" => None,
            _ => Some("x".to_owned()),
        });
        let said = unset.expect_err("incomplete").to_string();
        for name in [
            "UPGRADES_TABLE",
            "RECORD_TTL_SECONDS",
            "VIRIDIAN_NAMESERVER",
            "CHAT_TOPIC_ARN",
            "ROLLBACK_MACHINE_ARN",
        ] {
            assert!(said.contains(name), "{said}");
        }
    }

    #[test]
    fn only_the_table_has_no_default() {
        let only_table = |name: &str| (name == "UPGRADES_TABLE").then(|| "upgrades".to_owned());
        let config = Config::read(&[], only_table).expect("complete");
        assert_eq!(
            (
                config.credentials_prefix.as_str(),
                config.record_ttl_seconds
            ),
            ("viridian/", 1)
        );
        assert!(config.nameserver.is_none() && config.topics.is_none());
        assert!(Config::read(&[Need::Topics], only_table).is_err());
    }
}
