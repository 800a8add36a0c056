//! What the functions read from their environment, apart from what the AWS SDK and the Lambda runtime read themselves.

use std::net::SocketAddr;

/// The settings, read once, in `main`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// `UPGRADES_TABLE`: the table of claims and records.
    pub upgrades_table: String,
    /// `CREDENTIALS_PREFIX`: what stands before a database's name in its secret's name.
    pub credentials_prefix: String,
    /// `RECORD_TTL_SECONDS`: the TTL of weighted records while an upgrade moves reads.
    pub record_ttl_seconds: u32,
    /// `TOPIC_ARN`: where people are told by mail; only functions that tell them have it.
    pub topic_arn: Option<String>,
    /// `CHAT_TOPIC_ARN`: where a chat is told the same; as `TOPIC_ARN`.
    pub chat_topic_arn: Option<String>,
    /// `ROLLBACK_MACHINE_ARN`: what brings a database back; only `sweep` has it.
    pub rollback_machine_arn: Option<String>,
    /// `VIRIDIAN_NAMESERVER`: who resolves the databases' names, where it is not the system's resolver.
    pub nameserver: Option<SocketAddr>,
}

/// The topics on which people are told, by their ARNs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topics {
    /// For mail.
    pub people: String,
    /// For a chat.
    pub chat: String,
}

/// Everything that is wrong with the environment, at once.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the environment is not complete: {}", .0.join("; "))]
pub struct Unset(pub Vec<String>);

impl Config {
    /// Reads the process's environment.
    ///
    /// # Errors
    /// Every name that is missing and every value that can't be read, at once.
    pub fn from_env() -> Result<Self, Unset> {
        Self::read(|name| std::env::var(name).ok())
    }

    /// The topics, for a function that can't do without.
    ///
    /// # Errors
    /// If `TOPIC_ARN` or `CHAT_TOPIC_ARN` is missing.
    pub fn topics(&self) -> Result<Topics, Unset> {
        let known = self.topic_arn.clone().zip(self.chat_topic_arn.clone());
        let topics = known.map(|(people, chat)| Topics { people, chat });
        topics.ok_or_else(|| {
            let missing = "TOPIC_ARN or CHAT_TOPIC_ARN is missing: where people are told";
            Unset(vec![missing.to_owned()])
        })
    }

    /// The rollback machine, for a function that can't do without.
    ///
    /// # Errors
    /// If `ROLLBACK_MACHINE_ARN` is missing.
    pub fn rollback_machine(&self) -> Result<String, Unset> {
        self.rollback_machine_arn.clone().ok_or_else(|| {
            let missing = "ROLLBACK_MACHINE_ARN is missing: what brings a database back";
            Unset(vec![missing.to_owned()])
        })
    }

    fn read(value: impl Fn(&str) -> Option<String>) -> Result<Self, Unset> {
        let mut unset = vec![];
        let value = |name| value(name).filter(|text| !text.is_empty());
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
            topic_arn: value("TOPIC_ARN"),
            chat_topic_arn: value("CHAT_TOPIC_ARN"),
            rollback_machine_arn: value("ROLLBACK_MACHINE_ARN"),
            nameserver: parsed(
                value("VIRIDIAN_NAMESERVER"),
                "VIRIDIAN_NAMESERVER is no `ip:port`",
                &mut unset,
            ),
        };
        if unset.is_empty() {
            Ok(config)
        } else {
            Err(Unset(unset))
        }
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
    use super::Config;

    #[test]
    fn everything_that_is_wrong_is_said_at_once() {
        let unset = Config::read(|name| match name {
            "UPGRADES_TABLE" => None,
            _ => Some("x".to_owned()),
        });
        let said = unset.expect_err("incomplete").to_string();
        for name in [
            "UPGRADES_TABLE",
            "RECORD_TTL_SECONDS",
            "VIRIDIAN_NAMESERVER",
        ] {
            assert!(said.contains(name), "{said}");
        }
    }

    #[test]
    fn only_the_table_has_no_default() {
        let config = Config::read(|name| (name == "UPGRADES_TABLE").then(|| "upgrades".to_owned()));
        let config = config.expect("complete");
        assert_eq!(
            (
                config.credentials_prefix.as_str(),
                config.record_ttl_seconds
            ),
            ("viridian/", 1)
        );
        assert!(config.nameserver.is_none() && config.topics().is_err());
    }
}
