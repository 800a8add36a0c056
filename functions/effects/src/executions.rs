//! Executions of the state machines.

use crate::error::{Error, acted, looked};
use aws_config::SdkConfig;
use aws_sdk_sfn::Client;
use aws_sdk_sfn::error::SdkError;
use aws_sdk_sfn::operation::describe_execution::DescribeExecutionError;
use aws_sdk_sfn::operation::start_execution::StartExecutionError;
use aws_sdk_sfn::primitives::DateTime;
use aws_sdk_sfn::types::ExecutionStatus;
use domain::ids::{Millis, Owner};
use domain::sweep::Execution;

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

    /// How an execution stands.
    ///
    /// # Errors
    ///
    /// If Step Functions can't be asked.
    pub async fn describe(&self, execution: &Owner) -> Result<Execution, Error> {
        let asked = self
            .client
            .describe_execution()
            .execution_arn(execution.as_str())
            .send()
            .await;
        let found = match asked {
            Ok(found) => found,
            Err(failed) if is_unknown(&failed) => return Ok(Execution::Unknown),
            Err(failed) => return Err(looked("asking for the execution")(failed)),
        };
        Ok(match found.status() {
            ExecutionStatus::Running | ExecutionStatus::PendingRedrive => Execution::Running,
            _ => Execution::Ended(ended_at(found.stop_date())),
        })
    }

    /// Starts an execution under a name. One that has or had this name is as good.
    ///
    /// # Errors
    ///
    /// If Step Functions does not start it.
    pub async fn start(
        &self,
        machine: &str,
        name: &str,
        input: &serde_json::Value,
    ) -> Result<(), Error> {
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
                    .is_some_and(StartExecutionError::is_execution_already_exists) =>
            {
                Ok(())
            }
            Err(failed) => Err(acted("starting the rollback machine")(failed)),
        }
    }
}

fn is_unknown<R>(failed: &SdkError<DescribeExecutionError, R>) -> bool {
    failed
        .as_service_error()
        .is_some_and(|service| service.is_execution_does_not_exist() || service.is_invalid_arn())
}

/// One that has ended and says no moment ended long ago.
fn ended_at(moment: Option<&DateTime>) -> Millis {
    let millis = moment.and_then(|moment| moment.to_millis().ok());
    Millis(millis.unwrap_or(0))
}
