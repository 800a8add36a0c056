//! How calls fail, and what the state machine is told about it: the one exhaustive classification.

use domain::error::ErrorName;

/// Whether the call that failed could have changed anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nature {
    /// It only looked.
    Looked,
    /// It may have changed something, also if its answer was lost.
    Acted,
}

/// How a call failed, whoever answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// Too many calls at once.
    Throttled,
    /// The service or server can't answer now, or the resource is busy with something that ends by itself.
    Unavailable,
    /// No answer came. The call may have done its work.
    NoAnswer,
    /// We may not do this, and waiting doesn't change it.
    Denied,
    /// A quota is used up, or something that has to be there isn't.
    Unfit,
    /// Anything else.
    Unknown,
}

impl Failure {
    /// What the state machine is told. A lost answer is safe to ask for again since every step looks before it acts;
    /// an unknown error is not, unless the call only looked.
    #[must_use]
    pub const fn name(self, nature: Nature) -> ErrorName {
        match (self, nature) {
            (Self::Throttled | Self::Unavailable | Self::NoAnswer, _)
            | (Self::Unknown, Nature::Looked) => ErrorName::Transient,
            (Self::Denied | Self::Unfit, _) => ErrorName::Refused,
            (Self::Unknown, Nature::Acted) => ErrorName::Failed,
        }
    }

    /// Reads a service's error code and HTTP status.
    #[must_use]
    pub fn of_service(code: Option<&str>, status: u16) -> Self {
        match code.unwrap_or_default() {
            "Throttling"
            | "ThrottlingException"
            | "ThrottledException"
            | "RequestThrottled"
            | "RequestThrottledException"
            | "RequestLimitExceeded"
            | "TooManyRequestsException"
            | "ProvisionedThroughputExceededException"
            | "KMSThrottling"
            | "KMSThrottlingException"
            | "PriorRequestNotComplete" => Self::Throttled,
            "InvalidDBInstanceState"
            | "InvalidDBInstanceStateFault"
            | "InvalidBlueGreenDeploymentStateFault"
            | "TransactionConflictException"
            | "InternalFailure"
            | "ServiceUnavailable" => Self::Unavailable,
            "RequestTimeout" | "RequestTimeoutException" => Self::NoAnswer,
            "AccessDenied"
            | "AccessDeniedException"
            | "AuthorizationError"
            | "UnauthorizedOperation"
            | "InvalidClientTokenId"
            | "UnrecognizedClientException"
            | "SignatureDoesNotMatch"
            | "KMSAccessDeniedException"
            | "KMSAccessDenied" => Self::Denied,
            code if is_unfit(code) => Self::Unfit,
            _ => match status {
                429 => Self::Throttled,
                500.. => Self::Unavailable,
                401 | 403 => Self::Denied,
                _ => Self::Unknown,
            },
        }
    }

    /// Reads PostgreSQL's SQLSTATE.
    #[must_use]
    pub fn of_sqlstate(code: &str) -> Self {
        match code {
            // A connection that broke or was ended, after the statement may have been done.
            code if code.starts_with("08") || code.starts_with("57P") => Self::NoAnswer,
            // Resources used up, serialization and deadlock, locks and statements that took too long, read-only.
            code if code.starts_with("53") || code.starts_with("40") => Self::Unavailable,
            "55P03" | "55006" | "57014" | "25006" => Self::Unavailable,
            // Authentication and privileges.
            code if code.starts_with("28") || code == "42501" => Self::Denied,
            // A database, role, table or column that isn't there.
            "3D000" | "42704" | "42P01" | "42703" => Self::Unfit,
            _ => Self::Unknown,
        }
    }
}

/// Codes with which a service says that something is missing or used up.
fn is_unfit(code: &str) -> bool {
    code.contains("NotFound")
        || code.contains("QuotaExceeded")
        || code.contains("DoesNotExist")
        || code.contains("NotSupported")
        || code.starts_with("NoSuch")
}

#[cfg(test)]
mod tests {
    use super::{Failure, Nature};
    use domain::error::ErrorName;

    #[test]
    fn an_unknown_error_is_retried_only_if_the_call_only_looked() {
        let unknown = Failure::of_service(Some("SomethingNew"), 400);
        assert_eq!(unknown.name(Nature::Looked), ErrorName::Transient);
        assert_eq!(unknown.name(Nature::Acted), ErrorName::Failed);
    }

    #[test]
    fn what_passes_by_itself_is_retried_whatever_the_call_did() {
        for failure in [
            Failure::of_service(Some("PriorRequestNotComplete"), 400),
            Failure::of_service(None, 503),
            Failure::of_service(Some("Throttling"), 400),
            Failure::of_sqlstate("57P01"),
            Failure::of_sqlstate("40001"),
        ] {
            assert_eq!(failure.name(Nature::Acted), ErrorName::Transient);
            assert_eq!(failure.name(Nature::Looked), ErrorName::Transient);
        }
    }

    #[test]
    fn what_waiting_does_not_change_is_refused() {
        for failure in [
            Failure::of_service(Some("AccessDenied"), 403),
            Failure::of_service(Some("DBInstanceNotFound"), 404),
            Failure::of_service(Some("InstanceQuotaExceeded"), 400),
            Failure::of_sqlstate("28P01"),
            Failure::of_sqlstate("42501"),
        ] {
            assert_eq!(failure.name(Nature::Looked), ErrorName::Refused);
        }
    }
}
