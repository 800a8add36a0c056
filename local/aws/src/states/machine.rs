//! The machine that executions are started of.

use asl::definition::Definition;
use std::sync::Arc;

/// A state machine that executions can be started of.
#[derive(Debug, Clone)]
pub struct StateMachine {
    /// Its ARN.
    pub arn: String,
    /// Its name.
    pub name: String,
    /// Its role.
    pub role_arn: String,
    /// The text of its definition, substitutions done.
    pub text: String,
    /// The definition.
    pub definition: Arc<Definition>,
    /// When it was made, in milliseconds since the Unix epoch.
    pub created_at: i64,
    /// When it was last changed, likewise.
    pub updated_at: i64,
}
