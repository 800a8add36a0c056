//! The workflow on one machine: an application under load, scenarios with their verdicts, and benchmarks.

pub mod app;
pub mod bench;
pub mod display;
mod numbers;
pub mod platform;
pub mod routes;
pub mod scenario;
pub mod shop;
pub mod soak;
