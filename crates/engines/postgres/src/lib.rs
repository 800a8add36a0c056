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
mod roles;
#[cfg(test)]
mod samples;
mod sequences;
mod server;
mod session;
mod sessions;
mod slots;
mod smoke;
mod standing;
mod statistics;
mod tables;
mod transactions;
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
