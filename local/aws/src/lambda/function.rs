//! A function, and the key with which its process calls.

use super::names::arn;
use std::path::PathBuf;
use std::time::Duration;

/// The secret access key of everybody on this machine.
pub const SECRET_KEY: &str = "local";

/// The id of a function's access key.
#[must_use]
pub fn access_key(function: &str) -> String {
    format!("function-{function}")
}

/// A function, as its template describes it.
#[derive(Debug, Clone)]
pub struct Function {
    /// Its name, by which it is invoked and which stands in its access key.
    pub name: String,
    /// The compiled binary.
    pub binary: PathBuf,
    /// How long one invocation may take.
    pub timeout: Duration,
    /// What it is said to have; not enforced.
    pub memory_mb: u32,
    /// Its environment, resolved.
    pub environment: Vec<(String, String)>,
}

impl Function {
    /// The function's ARN on this platform.
    #[must_use]
    pub fn arn(&self) -> String {
        arn(&self.name)
    }
}
