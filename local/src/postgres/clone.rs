//! A copy of a server as of one log position: how RDS makes a green that logical replication can follow on.

use anyhow::{Result, bail};

use super::{Host, Server, ServerSpec};

/// A copy that holds what was committed before `position` (a log position such as `0/1A2B3C4`; a commit exactly there
/// is left out, since the slot of that position sends it) and takes writes. It runs.
///
/// # Errors
/// When the copy can't be made, or doesn't reach the position.
pub async fn to_position(
    _host: &Host,
    _source: &Server,
    _spec: ServerSpec,
    _position: &str,
) -> Result<Server> {
    bail!("not built yet")
}
