//! Parameters of Systems Manager that clients poll.

use crate::Error;

/// What a parameter holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Value {
    /// The value, whole.
    pub text: String,
    /// Counts the writes, from 1. A write that changes nothing counts as well.
    pub version: i64,
}

/// The account's parameters in this Region.
pub trait Parameters {
    /// What a parameter holds; `None` if there is no such parameter.
    ///
    /// # Errors
    ///
    /// If Systems Manager can't be asked, or the parameter is encrypted.
    async fn value(&self, name: &str) -> Result<Option<Value>, Error>;

    /// Gives a parameter another value, whatever it holds, and returns the version that this made. The call is made once: where its
    /// answer is lost, look before calling again.
    ///
    /// # Errors
    ///
    /// If Systems Manager refuses, or its answer is lost.
    async fn replace(&self, name: &str, text: &str) -> Result<i64, Error>;
}
