//! Waits of Step Functions, ended by their task token. A token is a secret and is never logged.

use crate::error::{Failing, acted};
use aws_config::SdkConfig;
use aws_sdk_sfn::Client;
use aws_sdk_sfn::error::{ProvideErrorMetadata, SdkError};
use domain::error::StepError;
use ports::{Ended, Error};

/// What Step Functions answers to the token of a wait that is over.
const OVER: [&str; 3] = ["TaskDoesNotExist", "TaskTimedOut", "InvalidToken"];

/// The waits of the account's executions.
#[derive(Debug, Clone)]
pub struct TaskTokens {
    client: Client,
}

impl TaskTokens {
    pub(crate) fn new(config: &SdkConfig) -> Self {
        Self {
            client: Client::new(config),
        }
    }
}

impl ports::TaskTokens for TaskTokens {
    async fn succeed(&self, token: &str) -> Result<Ended, Error> {
        let sent = self
            .client
            .send_task_success()
            .task_token(token)
            .output("{}")
            .send()
            .await;
        ended(sent)
    }

    async fn fail(&self, token: &str, why: &StepError) -> Result<Ended, Error> {
        let sent = self
            .client
            .send_task_failure()
            .task_token(token)
            .error(why.name.as_ref())
            .cause(&why.message)
            .send()
            .await;
        ended(sent)
    }
}

/// What Step Functions says to a token.
fn ended<T, E, R>(sent: Result<T, SdkError<E, R>>) -> Result<Ended, Error>
where
    E: ProvideErrorMetadata,
    SdkError<E, R>: Failing,
{
    match sent {
        Ok(_) => Ok(Ended::Now),
        Err(failed) if failed.code().is_some_and(|code| OVER.contains(&code)) => Ok(Ended::Before),
        Err(failed) => Err(acted("ending the wait")(failed)),
    }
}
