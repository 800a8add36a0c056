//! Messages to people, through SNS: a mail, and the same for a chat.

use crate::config::{Need, Topics};
use crate::error::{acted, looked};
use aws_config::SdkConfig;
use aws_sdk_sns::Client;
use domain::error::StepError;
use domain::notice::Notice;
use futures_util::future::join;
use ports::Error;
use std::time::Duration;
use tokio::time::timeout;
use tracing::warn;

/// How long a chat is waited for. A function that waited longer would be ended, and send the mail again.
const CHAT: Duration = Duration::from_secs(10);

/// The topics that tell people what happens.
#[derive(Debug, Clone)]
pub struct Notices {
    client: Client,
    topics: Option<Topics>,
}

impl Notices {
    /// `topics` are those of the environment, where the function tells people anything.
    pub(crate) fn new(config: &SdkConfig, topics: Option<Topics>) -> Self {
        Self {
            client: Client::new(config),
            topics,
        }
    }

    fn topics(&self) -> Result<&Topics, StepError> {
        self.topics
            .as_ref()
            .ok_or_else(|| Need::Topics.undeclared())
    }
}

impl ports::Notices for Notices {
    async fn subscribers(&self) -> Result<u32, Error> {
        let people = &self.topics()?.people;
        let asked = self.client.get_topic_attributes().topic_arn(people);
        let said = asked.send().await.map_err(looked("asking for the topic"))?;
        let confirmed = said
            .attributes()
            .and_then(|all| all.get("SubscriptionsConfirmed"));
        let confirmed = confirmed.and_then(|number| number.parse().ok());
        confirmed.ok_or_else(|| StepError::failed("SNS does not say who has subscribed").into())
    }

    /// By mail and in the chat at once. A chat that can't be reached is no failure, since the mail was sent: trying again would
    /// send it twice, and no upgrade stops for a chat.
    async fn publish(&self, notice: &Notice) -> Result<(), Error> {
        let topics = self.topics()?;
        let mail = self.client.publish().topic_arn(&topics.people);
        let mail = mail.subject(notice.subject()).message(notice.mail());
        let chat = self.client.publish().topic_arn(&topics.chat);
        let chat = chat.message(notice.chat().to_string());
        let (mail, chat) = join(mail.send(), timeout(CHAT, chat.send())).await;
        match chat.map(|sent| sent.map_err(acted("publishing to the chat"))) {
            Ok(Ok(_)) => {}
            Ok(Err(lost)) => warn!(%lost, "chat not notified"),
            Err(_) => warn!("chat not notified in time"),
        }
        mail.map_err(acted("publishing a notice"))?;
        Ok(())
    }
}
