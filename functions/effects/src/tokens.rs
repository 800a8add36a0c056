//! Waits of Step Functions, ended by their task token.

use crate::error::{Error, acted};
use aws_config::SdkConfig;
use aws_sdk_sfn::Client;
use domain::error::StepError;

/// What became of a wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// We ended it.
    Now,
    /// It had ended before, by its timeout, by somebody else, or with its execution.
    Before,
}

/// The waits of the account's executions.
#[derive(Debug, Clone)]
pub struct Tokens {
    client: Client,
}

impl Tokens {
    /// The waits of the account's executions.
    #[must_use]
    pub fn new(config: &SdkConfig) -> Self {
        Self {
            client: Client::new(config),
        }
    }

    /// Ends a wait with a failure. The token is a secret and is never logged.
    ///
    /// # Errors
    ///
    /// If Step Functions can't be reached; a wait that is over already is no error.
    pub async fn fail(&self, token: &str, why: &StepError) -> Result<Ended, Error> {
        let sent = self
            .client
            .send_task_failure()
            .task_token(token)
            .error(why.name.as_str())
            .cause(&why.message)
            .send()
            .await;
        match sent {
            Ok(_) => Ok(Ended::Now),
            Err(failed)
                if failed.as_service_error().is_some_and(|service| {
                    service.is_task_does_not_exist()
                        || service.is_task_timed_out()
                        || service.is_invalid_token()
                }) =>
            {
                Ok(Ended::Before)
            }
            Err(failed) => Err(acted("ending the wait")(failed)),
        }
    }
}
