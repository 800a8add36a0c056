//! RDS's errors: a code that clients match, an HTTP status, and a sentence.

use axum::http::StatusCode;

/// Why RDS refuses a call.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct Fault {
    /// The code on the wire.
    pub code: &'static str,
    /// What is wrong, for a person.
    pub message: String,
}

impl Fault {
    /// Any error by its code.
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }

    /// A parameter's value can't be.
    pub fn invalid_value(message: impl Into<String>) -> Self {
        Self::new("InvalidParameterValue", message)
    }

    /// Parameters don't go together.
    pub fn invalid_combination(message: impl Into<String>) -> Self {
        Self::new("InvalidParameterCombination", message)
    }

    /// An instance has this name already.
    pub fn instance_exists() -> Self {
        Self::new("DBInstanceAlreadyExists", "DB Instance already exists")
    }

    /// No such instance.
    pub fn no_instance(id: &str) -> Self {
        Self::new("DBInstanceNotFound", format!("DBInstance {id} not found."))
    }

    /// The instance is not in a state in which this can be done.
    pub fn instance_state(message: impl Into<String>) -> Self {
        Self::new("InvalidDBInstanceState", message)
    }

    /// No such snapshot.
    pub fn no_snapshot(id: &str) -> Self {
        Self::new("DBSnapshotNotFound", format!("DBSnapshot {id} not found."))
    }

    /// No such parameter group.
    pub fn no_group(name: &str) -> Self {
        let message = format!("DBParameterGroup not found: {name}");
        Self::new("DBParameterGroupNotFound", message)
    }

    /// No such deployment.
    pub fn no_deployment(id: &str) -> Self {
        let message = format!("BlueGreenDeployment {id} not found.");
        Self::new("BlueGreenDeploymentNotFoundFault", message)
    }

    /// The deployment is not in a state in which this can be done.
    pub fn deployment_state(message: impl Into<String>) -> Self {
        Self::new("InvalidBlueGreenDeploymentStateFault", message)
    }

    /// The database can't have a blue/green deployment as it is.
    pub fn source_unfit(message: impl Into<String>) -> Self {
        Self::new("SourceDatabaseNotSupportedFault", message)
    }

    /// Something here went wrong; on AWS it would be theirs to find out.
    pub fn internal(error: impl std::fmt::Display) -> Self {
        Self::new("InternalFailure", error.to_string())
    }

    /// The HTTP status that goes with the code.
    pub fn status(&self) -> StatusCode {
        match self.code {
            "InternalFailure" => StatusCode::INTERNAL_SERVER_ERROR,
            code if code.trim_end_matches("Fault").ends_with("NotFound") => StatusCode::NOT_FOUND,
            _ => StatusCode::BAD_REQUEST,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_those_of_the_service_model() {
        let statuses = [
            (Fault::no_instance("x"), 404),
            (Fault::no_deployment("x"), 404),
            (Fault::no_group("x"), 404),
            (Fault::deployment_state("x"), 400),
            (Fault::internal("x"), 500),
        ];
        for (fault, status) in statuses {
            assert_eq!(fault.status().as_u16(), status, "{fault}");
        }
    }
}
