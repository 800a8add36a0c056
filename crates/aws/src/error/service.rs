//! How the calls of AWS's services fail.

use ports::Failure;

/// Reads a service's error code and HTTP status.
pub(super) fn of_service(code: Option<&str>, status: u16) -> Failure {
    match code.unwrap_or_default() {
        "Throttling"
        | "ThrottlingException"
        | "ThrottledException"
        | "RequestThrottled"
        | "RequestThrottledException"
        | "RequestLimitExceeded"
        | "TooManyRequestsException"
        | "TooManyUpdates"
        | "ProvisionedThroughputExceededException"
        | "KMSThrottling"
        | "KMSThrottlingException"
        | "PriorRequestNotComplete" => Failure::Throttled,
        "InvalidDBInstanceState"
        | "InvalidDBInstanceStateFault"
        | "InvalidBlueGreenDeploymentStateFault"
        | "ResourceInUse"
        | "TransactionConflictException"
        | "InternalFailure"
        | "ServiceUnavailable" => Failure::Unavailable,
        "RequestTimeout" | "RequestTimeoutException" => Failure::NoAnswer,
        "AccessDenied"
        | "AccessDeniedException"
        | "AuthorizationError"
        | "UnauthorizedOperation"
        | "InvalidClientTokenId"
        | "UnrecognizedClientException"
        | "SignatureDoesNotMatch"
        | "KMSAccessDeniedException"
        | "KMSAccessDenied" => Failure::Denied,
        code if is_unfit(code) => Failure::Unfit,
        _ => of_status(status),
    }
}

const fn of_status(status: u16) -> Failure {
    match status {
        429 => Failure::Throttled,
        500.. => Failure::Unavailable,
        401 | 403 => Failure::Denied,
        _ => Failure::Unknown,
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
    use super::of_service;
    use domain::error::ErrorName;
    use ports::Nature;

    #[test]
    fn an_unknown_error_is_retried_only_if_the_call_only_looked() {
        let unknown = of_service(Some("SomethingNew"), 400);
        assert_eq!(unknown.name(Nature::Looked), ErrorName::Transient);
        assert_eq!(unknown.name(Nature::Acted), ErrorName::Failed);
    }

    #[test]
    fn what_passes_by_itself_is_retried_whatever_the_call_did() {
        for failure in [
            of_service(Some("PriorRequestNotComplete"), 400),
            of_service(None, 503),
            of_service(Some("Throttling"), 400),
        ] {
            assert_eq!(failure.name(Nature::Acted), ErrorName::Transient);
            assert_eq!(failure.name(Nature::Looked), ErrorName::Transient);
        }
    }

    #[test]
    fn what_waiting_does_not_change_is_refused() {
        for failure in [
            of_service(Some("AccessDenied"), 403),
            of_service(Some("DBInstanceNotFound"), 404),
            of_service(Some("InstanceQuotaExceeded"), 400),
        ] {
            assert_eq!(failure.name(Nature::Looked), ErrorName::Refused);
        }
    }
}
