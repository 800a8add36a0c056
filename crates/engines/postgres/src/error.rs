//! How calls to PostgreSQL fail, read once at the edge.
//!
//! ```ignore
//! session.query_one(query, &[]).await.map_err(looked("reading the marker"))?;
//! session.query_one(query, &[]).await.map_err(acted("writing the marker"))?;
//! ```

use ports::{Cause, Error, Failure, Nature};
use std::error::Error as _;

/// What can fail at the edge.
pub(crate) trait Failing {
    fn cause(self) -> Cause;
}

impl Failing for tokio_postgres::Error {
    fn cause(self) -> Cause {
        let code = self.code().map(|state| state.code().to_owned());
        let failure = code.as_deref().map_or(Failure::NoAnswer, of_sqlstate);
        let said = match (self.as_db_error(), self.source()) {
            (Some(answered), _) => answered.message().to_owned(),
            (None, Some(cause)) => format!("{self}: {cause}"),
            (None, None) => self.to_string(),
        };
        Cause {
            failure,
            code,
            said,
            source: Box::new(self),
        }
    }
}

impl Failing for tokio::time::error::Elapsed {
    fn cause(self) -> Cause {
        Cause::without_code(Failure::NoAnswer, self)
    }
}

/// For a call that only looked. `doing` completes “… failed”: `reading the marker`.
pub(crate) fn looked<F: Failing>(doing: &'static str) -> impl FnOnce(F) -> Error {
    move |failed| Error::of(Nature::Looked, doing, failed.cause())
}

/// For a call that may have changed something.
pub(crate) fn acted<F: Failing>(doing: &'static str) -> impl FnOnce(F) -> Error {
    move |failed| Error::of(Nature::Acted, doing, failed.cause())
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
