//! Messages to people, through SNS: a mail, and the same for a chat.

use crate::config::Topics;
use crate::error::{Error, acted, looked};
use aws_config::SdkConfig;
use aws_sdk_sns::Client;
use domain::error::StepError;
use domain::notice::Notice;
use futures_util::future::join;
use std::time::Duration;
use tokio::time::timeout;
use tracing::warn;

/// How long a chat is waited for. A function that waited longer would be ended, and send the mail again.
const CHAT: Duration = Duration::from_secs(10);

/// The topics that tell people what happens.
#[derive(Debug, Clone)]
pub struct Notices {
    client: Client,
    topics: Topics,
}

impl Notices {
    /// These topics.
    #[must_use]
    pub fn new(config: &SdkConfig, topics: Topics) -> Self {
        Self {
            client: Client::new(config),
            topics,
        }
    }

    /// How many have subscribed to the topic and confirmed it.
    ///
    /// # Errors
    ///
    /// If SNS can't be asked, or does not say it.
    pub async fn subscribers(&self) -> Result<u32, Error> {
        let asked = self
            .client
            .get_topic_attributes()
            .topic_arn(&self.topics.people);
        let said = asked.send().await.map_err(looked("asking for the topic"))?;
        let confirmed = said
            .attributes()
            .and_then(|all| all.get("SubscriptionsConfirmed"));
        let confirmed = confirmed.and_then(|number| number.parse().ok());
        confirmed.ok_or_else(|| StepError::failed("SNS does not say who has subscribed").into())
    }

    /// Tells people something, by mail and in the chat at once. A chat that can't be reached is no failure, since the mail was
    /// sent: trying again would send it twice, and no upgrade stops for a chat.
    ///
    /// # Errors
    ///
    /// If SNS did not take the mail.
    pub async fn publish(&self, notice: &Notice) -> Result<(), Error> {
        let mail = self.client.publish().topic_arn(&self.topics.people);
        let mail = mail.subject(notice.subject()).message(notice.mail());
        let chat = self.client.publish().topic_arn(&self.topics.chat);
        let chat = chat.message(notice.chat().to_string());
        let (mail, chat) = join(mail.send(), timeout(CHAT, chat.send())).await;
        match chat.map(|sent| sent.map_err(acted("publishing to the chat"))) {
            Ok(Ok(_)) => {}
            Ok(Err(lost)) => warn!(%lost, "chat not told"),
            Err(_) => warn!("chat not told in time"),
        }
        mail.map_err(acted("publishing a notice"))?;
        Ok(())
    }
}
