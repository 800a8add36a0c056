//! What AWS is, on this machine.

pub mod app;
pub mod bench;
pub mod calls;
pub mod clock;
pub mod cloudwatch;
pub mod display;
pub mod dns;
pub mod events;
pub mod faults;
pub mod gateway;
pub mod iam;
pub mod keeper;
pub mod lambda;
pub mod memory;
pub mod moto;
pub mod network;
pub mod platform;
pub mod postgres;
pub mod process;
pub mod rds;
pub mod scenario;
pub mod soak;
pub mod states;
pub mod template;
pub mod tls;
pub mod toolchain;

/// The Region that this machine plays.
pub const REGION: &str = "eu-west-1";
/// The account that this machine plays.
pub const ACCOUNT: &str = "123456789012";
