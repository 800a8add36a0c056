//! The local platform's command line.
fn main() {}
