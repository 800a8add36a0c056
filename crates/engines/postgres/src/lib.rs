//! The engine port for PostgreSQL: all of its SQL, its checks before an upgrade and its words are here, a file per subject.
//!
//! [`Postgres`] implements [`ports::Engine`] and opens each [`PgSession`], which implements [`ports::Session`]. What the engine
//! needs from outside of the database is a [`Network`].

#![allow(
    async_fn_in_trait,
    reason = "one thread drives an invocation; no future has to be Send"
)]

mod checks;
mod connect;
mod digest;
mod engine;
mod error;
pub mod facts;
mod fence;
mod follower;
mod inspect;
mod login;
mod marker;
mod network;
mod position;
mod remedies;
mod reverse;
#[cfg(test)]
mod samples;
mod sequences;
mod session;
mod slots;
mod smoke;
mod tables;
mod trust;

pub use connect::{APPLICATION_NAME, STATEMENT};
pub use engine::Postgres;
pub use fence::{NOTICE, notice};
pub use login::{Login, Replication};
pub use network::Network;
pub use session::PgSession;

/// A name as an identifier.
fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A count of the server's as one of ours, which none exceeds.
fn count(row: &tokio_postgres::Row, column: usize) -> u32 {
    u32::try_from(row.get::<_, i64>(column)).unwrap_or(u32::MAX)
}

/// A text as a literal, whatever it contains.
fn literal(text: &str) -> String {
    format!("E'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::{identifier, literal};

    #[test]
    fn names_and_texts_cannot_end_their_quotes() {
        assert_eq!(identifier(r#"a"; drop"#), r#""a""; drop""#);
        assert_eq!(literal(r"it's a \"), r"E'it''s a \\'");
    }
}
