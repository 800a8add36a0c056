//! Executions of the state machines.

use crate::error::{Error, acted, looked};
use aws_config::SdkConfig;
use aws_sdk_sfn::Client;
use aws_sdk_sfn::types::ExecutionStatus;
use domain::ids::Owner;

/// The account's executions.
#[derive(Debug, Clone)]
pub struct Executions {
    client: Client,
}

impl Executions {
    /// The account's executions.
    #[must_use]
    pub fn new(config: &SdkConfig) -> Self {
        Self {
            client: Client::new(config),
        }
    }

    /// Whether an execution runs. One that is known to nobody any more does not.
    ///
    /// # Errors
    ///
    /// If Step Functions can't be asked.
    pub async fn runs(&self, execution: &Owner) -> Result<bool, Error> {
        let asked = self
            .client
            .describe_execution()
            .execution_arn(execution.as_str())
            .send()
            .await;
        match asked {
            Ok(found) => Ok(matches!(
                found.status(),
                ExecutionStatus::Running | ExecutionStatus::PendingRedrive
            )),
            Err(failed)
                if failed.as_service_error().is_some_and(|service| {
                    service.is_execution_does_not_exist() || service.is_invalid_arn()
                }) =>
            {
                Ok(false)
            }
            Err(failed) => Err(looked("asking for the execution")(failed)),
        }
    }

    /// Starts an execution under a name. One that has or had this name is as good.
    ///
    /// # Errors
    ///
    /// If Step Functions does not start it.
    pub async fn start(&self, machine: &str, name: &str, input: &serde_json::Value) -> Result<(), Error> {
        let started = self
            .client
            .start_execution()
            .state_machine_arn(machine)
            .name(name)
            .input(input.to_string())
            .send()
            .await;
        match started {
            Ok(_) => Ok(()),
            Err(failed)
                if failed
                    .as_service_error()
                    .is_some_and(aws_sdk_sfn::operation::start_execution::StartExecutionError::is_execution_already_exists) =>
            {
                Ok(())
            }
            Err(failed) => Err(acted("starting the rollback machine")(failed)),
        }
    }
}
