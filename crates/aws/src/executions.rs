//! Executions of the state machines.

use crate::config::Need;
use crate::error::{acted, looked};
use aws_config::SdkConfig;
use aws_sdk_sfn::Client;
use aws_sdk_sfn::error::SdkError;
use aws_sdk_sfn::operation::describe_execution::DescribeExecutionError;
use aws_sdk_sfn::operation::start_execution::StartExecutionError;
use aws_sdk_sfn::primitives::DateTime;
use aws_sdk_sfn::types::ExecutionStatus;
use domain::execution::Execution;
use domain::ids::{Millis, Owner};
use ports::Error;
use serde_json::Value;

/// The account's executions.
#[derive(Debug, Clone)]
pub struct Executions {
    client: Client,
    rollback_machine: Option<String>,
}

impl Executions {
    /// `rollback_machine` is the rollback machine's ARN, where the function starts it.
    pub(crate) fn new(config: &SdkConfig, rollback_machine: Option<String>) -> Self {
        Self {
            client: Client::new(config),
            rollback_machine,
        }
    }
}

impl ports::Executions for Executions {
    async fn describe(&self, execution: &Owner) -> Result<Execution, Error> {
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

    async fn start_rollback(&self, name: &str, input: &Value) -> Result<(), Error> {
        let machine = self.rollback_machine.as_deref();
        let machine = machine.ok_or_else(|| Need::RollbackMachine.undeclared())?;
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
            Err(failed) if is_known(&failed) => Ok(()),
            Err(failed) => Err(acted("starting the rollback machine")(failed)),
        }
    }
}

fn is_known<R>(failed: &SdkError<StartExecutionError, R>) -> bool {
    failed
        .as_service_error()
        .is_some_and(StartExecutionError::is_execution_already_exists)
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
