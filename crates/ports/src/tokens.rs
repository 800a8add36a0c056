//! Waits of Step Functions, ended by their task token. A token is a secret and is never logged.

use crate::Error;
use domain::error::StepError;

/// What became of a wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// We ended it.
    Now,
    /// It had ended before, by its timeout, by another caller, or with its execution.
    Before,
}

/// The waits of the account's executions.
pub trait TaskTokens {
    /// Ends a wait well.
    ///
    /// # Errors
    ///
    /// If Step Functions can't be reached; a wait that is over already is no error.
    async fn succeed(&self, token: &str) -> Result<Ended, Error>;

    /// Ends a wait with a failure.
    ///
    /// # Errors
    ///
    /// As [`Self::succeed`].
    async fn fail(&self, token: &str, why: &StepError) -> Result<Ended, Error>;
}
