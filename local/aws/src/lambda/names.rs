//! The names of functions.

use crate::gateway::call::Call;
use crate::{ACCOUNT, REGION};

/// The ARN of the function of this name.
#[must_use]
pub fn arn(name: &str) -> String {
    format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}")
}

/// The name in a function's name or ARN, without account and version.
#[must_use]
pub fn name_of(function: &str) -> &str {
    let name = function
        .rsplit_once("function:")
        .map_or(function, |(_, name)| name);
    name.split(':').next().unwrap_or(name)
}

/// The function that a call names in its path; an ARN stands there percent-encoded.
#[must_use]
pub fn invoked(call: &Call) -> String {
    let name = call.uri.path().split('/').nth(3).unwrap_or_default();
    name_of(&name.replace("%3A", ":").replace("%3a", ":")).to_owned()
}
