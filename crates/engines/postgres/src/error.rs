//! How calls to PostgreSQL fail, read once at the edge.
//!
//! ```ignore
//! session.query_one(query, &[]).await.map_err(looked("reading the marker"))?;
//! session.query_one(query, &[]).await.map_err(acted("writing the marker"))?;
//! ```

use ports::{BoxError, Error, Failure, Nature};
use std::error::Error as _;

/// What made a call fail.
#[derive(Debug)]
pub(crate) struct Cause {
    failure: Failure,
    code: Option<String>,
    said: String,
    source: BoxError,
}

impl From<tokio_postgres::Error> for Cause {
    fn from(error: tokio_postgres::Error) -> Self {
        let code = error.code().map(|state| state.code().to_owned());
        let failure = code.as_deref().map_or(Failure::NoAnswer, of_sqlstate);
        let said = match (error.as_db_error(), error.source()) {
            (Some(answered), _) => answered.message().to_owned(),
            (None, Some(cause)) => format!("{error}: {cause}"),
            (None, None) => error.to_string(),
        };
        Self {
            failure,
            code,
            said,
            source: Box::new(error),
        }
    }
}

impl From<tokio::time::error::Elapsed> for Cause {
    fn from(error: tokio::time::error::Elapsed) -> Self {
        Self {
            failure: Failure::NoAnswer,
            code: None,
            said: error.to_string(),
            source: Box::new(error),
        }
    }
}

/// For a call that only looked. `doing` completes “… failed”: `reading the marker`.
pub(crate) fn looked<C: Into<Cause>>(doing: &'static str) -> impl FnOnce(C) -> Error {
    move |cause| of(Nature::Looked, doing, cause.into())
}

/// For a call that may have changed something.
pub(crate) fn acted<C: Into<Cause>>(doing: &'static str) -> impl FnOnce(C) -> Error {
    move |cause| of(Nature::Acted, doing, cause.into())
}

fn of(nature: Nature, doing: &str, cause: Cause) -> Error {
    let Cause {
        failure,
        code,
        said,
        source,
    } = cause;
    Error::of(nature, doing, failure, code, &said, source)
}

/// Reads an SQLSTATE.
fn of_sqlstate(code: &str) -> Failure {
    match code {
        // A connection that broke or was ended, after the statement may have been done.
        code if code.starts_with("08") || code.starts_with("57P") => Failure::NoAnswer,
        // Resources used up, serialization and deadlock, locks and statements that took too long, read-only.
        code if code.starts_with("53") || code.starts_with("40") => Failure::Unavailable,
        "55P03" | "55006" | "57014" | "25006" => Failure::Unavailable,
        code if code.starts_with("28") => Failure::RefusedLogin,
        "42501" => Failure::Denied,
        // A database, role, table or column that isn't there.
        "3D000" | "42704" | "42P01" | "42703" => Failure::Unfit,
        _ => Failure::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::error::ErrorName;

    #[test]
    fn what_passes_by_itself_is_retried_whatever_the_call_did() {
        for failure in ["57P01", "08006", "40001", "53300", "55P03", "25006"].map(of_sqlstate) {
            assert_eq!(failure.name(Nature::Acted), ErrorName::Transient);
            assert_eq!(failure.name(Nature::Looked), ErrorName::Transient);
        }
    }

    #[test]
    fn what_waiting_does_not_change_is_refused() {
        for failure in ["28P01", "28000", "42501", "3D000"].map(of_sqlstate) {
            assert_eq!(failure.name(Nature::Looked), ErrorName::Refused);
        }
    }

    #[test]
    fn a_refused_login_is_told_from_a_missing_right() {
        assert_eq!(of_sqlstate("28P01"), Failure::RefusedLogin);
        assert_eq!(of_sqlstate("42501"), Failure::Denied);
    }

    #[test]
    fn an_unknown_error_is_retried_only_if_the_call_only_looked() {
        let unknown = of_sqlstate("XX000");
        assert_eq!(unknown.name(Nature::Looked), ErrorName::Transient);
        assert_eq!(unknown.name(Nature::Acted), ErrorName::Failed);
    }
}
