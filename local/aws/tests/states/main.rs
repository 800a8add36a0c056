//! Step Functions as its clients meet it: through the gateway, with a Lambda that does as it is told.

#![allow(
    clippy::unwrap_used,
    reason = "a test ends where something is not what it must be"
)]

mod parents;
mod platform;
mod service;
mod watching;
