//! What the service refuses.

use asl::definition::Fault;

/// A refusal with the service's own error code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct Refusal {
    /// Such as `ExecutionAlreadyExists`.
    pub code: &'static str,
    /// For a person.
    pub message: String,
}

impl Refusal {
    pub(super) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }

    pub(super) fn definition(faults: &[Fault]) -> Self {
        let all: Vec<String> = faults.iter().map(ToString::to_string).collect();
        let message = format!(
            "Invalid State Machine Definition: 'SCHEMA_VALIDATION_FAILED: {}'",
            all.join("; ")
        );
        Self::new("InvalidDefinition", message)
    }
}
