//! One run of the workflow from an empty machine to the audit: the demo, the tests and the benchmarks call the same.

pub mod observe;
pub mod summary;
