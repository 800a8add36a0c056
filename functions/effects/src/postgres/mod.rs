//! PostgreSQL: connections, and one file per concern. All SQL is here.

pub mod connect;

pub use connect::{Access, Connector, Endpoint, Login, Session};
