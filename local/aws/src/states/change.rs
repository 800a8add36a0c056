//! What EventBridge hears of executions.

use super::description::whole;
use asl::interpreter::Execution;
use serde_json::{Value, json};

/// An execution began or ended.
#[derive(Debug, Clone, PartialEq)]
pub struct StatusChange {
    /// The execution.
    pub execution_arn: String,
    /// `RUNNING`, `SUCCEEDED`, `FAILED`, `TIMED_OUT` or `ABORTED`.
    pub status: &'static str,
    /// The event's `detail`.
    pub detail: Value,
}

impl StatusChange {
    /// The source of these events.
    pub const SOURCE: &'static str = "aws.states";
    /// Their detail type.
    pub const DETAIL_TYPE: &'static str = "Step Functions Execution Status Change";

    pub(super) fn of(execution: &Execution) -> Self {
        let mut detail = whole(execution);
        detail["startDate"] = json!(execution.started_at());
        detail["stopDate"] = json!(execution.ended_at());
        Self {
            execution_arn: execution.identity().arn.clone(),
            status: execution.status(),
            detail,
        }
    }
}
