//! Executions of the state machines.

use crate::Error;
use domain::execution::Execution;
use domain::ids::Owner;
use serde_json::Value;

/// The account's executions.
pub trait Executions {
    /// How an execution stands.
    ///
    /// # Errors
    ///
    /// If Step Functions can't be asked.
    async fn describe(&self, execution: &Owner) -> Result<Execution, Error>;

    /// Starts the rollback machine under a name. An execution that has or had this name is as good.
    ///
    /// # Errors
    ///
    /// If Step Functions does not start it.
    async fn start_rollback(&self, name: &str, input: &Value) -> Result<(), Error>;
}
