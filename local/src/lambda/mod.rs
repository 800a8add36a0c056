//! Lambda: real binaries that speak the real Runtime API, and the API that invokes them.

pub mod client;

/// The name in a function's name or ARN, without account and version.
#[must_use]
pub fn name_of(function: &str) -> &str {
    let name = function
        .rsplit_once("function:")
        .map_or(function, |(_, name)| name);
    name.split(':').next().unwrap_or(name)
}
