//! The names of functions.

use crate::gateway::call::Call;

/// The ARN of the function of this name.
#[must_use]
pub fn arn(name: &str) -> String {
    crate::arn("lambda", &format!("function:{name}"))
}

/// The name in a function's name or ARN, without account and version.
#[must_use]
pub fn name_of(function: &str) -> &str {
    let name = function
        .rsplit_once("function:")
        .map_or(function, |(_, name)| name);
    name.split(':').next().unwrap_or(name)
}

/// What a call's path says of its function, a name or an ARN; that stands there percent-encoded.
pub(crate) fn in_path(call: &Call) -> Option<String> {
    let named = call.uri.path().split('/').nth(3)?;
    Some(named.replace("%3A", ":").replace("%3a", ":"))
}

/// The function that a call names in its path.
#[must_use]
pub fn invoked(call: &Call) -> String {
    name_of(&in_path(call).unwrap_or_default()).to_owned()
}
