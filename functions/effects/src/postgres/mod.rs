//! PostgreSQL: connections, and one file per concern. All SQL is here.

pub mod connect;
pub mod digest;
pub mod fence;
mod follower;
pub mod inspect;
pub mod lag;
mod login;
pub mod marker;
pub mod moment;
pub mod reverse;
pub mod roles;
pub mod sequences;
pub mod sessions;
pub mod slots;
pub mod smoke;
pub mod standing;
pub mod statistics;
pub mod tables;
mod trust;

pub use connect::{Access, Connector, Endpoint, Session};
pub use login::{Login, Replication};

/// A name as an identifier.
pub(crate) fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text as a literal, whatever it contains.
pub(crate) fn literal(text: &str) -> String {
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
