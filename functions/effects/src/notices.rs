//! Messages to people, through SNS.

use crate::error::{Error, acted, looked};
use aws_config::SdkConfig;
use aws_sdk_sns::Client;
use domain::error::StepError;

/// SNS takes this many characters of a subject, and ASCII only.
const SUBJECT: usize = 99;

/// The topic that tells people what happens.
#[derive(Debug, Clone)]
pub struct Notices {
    client: Client,
    topic: String,
}

impl Notices {
    /// The topic with this ARN.
    #[must_use]
    pub fn new(config: &SdkConfig, topic: impl Into<String>) -> Self {
        Self {
            client: Client::new(config),
            topic: topic.into(),
        }
    }

    /// How many have subscribed to the topic and confirmed it.
    ///
    /// # Errors
    ///
    /// If SNS can't be asked, or does not say it.
    pub async fn subscribers(&self) -> Result<u32, Error> {
        let asked = self.client.get_topic_attributes().topic_arn(&self.topic);
        let said = asked.send().await.map_err(looked("asking for the topic"))?;
        let confirmed = said
            .attributes()
            .and_then(|all| all.get("SubscriptionsConfirmed"));
        let confirmed = confirmed.and_then(|number| number.parse().ok());
        confirmed.ok_or_else(|| StepError::failed("SNS does not say who has subscribed").into())
    }

    /// Tells people something.
    ///
    /// # Errors
    ///
    /// If SNS did not take the message.
    pub async fn publish(&self, subject: &str, message: &str) -> Result<(), Error> {
        self.client
            .publish()
            .topic_arn(&self.topic)
            .subject(plain(subject))
            .message(message)
            .send()
            .await
            .map_err(acted("publishing a notice"))?;
        Ok(())
    }
}

/// A subject as SNS takes it: one line of printable ASCII that begins with no space.
fn plain(subject: &str) -> String {
    let printable = subject.chars().map(|letter| match letter {
        ' '..='~' => letter,
        '→' => '>',
        _ => '?',
    });
    let line: String = printable.collect();
    line.trim().chars().take(SUBJECT).collect()
}

#[cfg(test)]
mod tests {
    use super::{SUBJECT, plain};

    #[test]
    fn a_subject_is_one_short_line_of_ascii() {
        assert_eq!(plain("orders 16.14 → 18.4\n"), "orders 16.14 > 18.4?");
        let long = plain(&"ü".repeat(500));
        assert!(long.is_ascii() && long.len() == SUBJECT);
    }
}
