//! A copy of a server as of one log position: how RDS makes a green that logical replication can follow on.
//!
//! In two steps, because the position has to lie *after* the copy was taken (a copy is no consistent server before its
//! own end): first [`begin`], then the caller makes its slots on the source, then [`Copy::to_position`].

use anyhow::{Result, bail};

use super::{Host, Server, ServerSpec};

/// A physical copy that was taken and doesn't run yet. The source keeps the log that it needs until it is used up.
#[derive(Debug)]
pub struct Copy(());

/// Takes the copy (`pg_basebackup -X stream`); the source goes on meanwhile.
///
/// # Errors
/// When the copy can't be made.
pub async fn begin(_host: &Host, _source: &Server, _spec: ServerSpec) -> Result<Copy> {
    bail!("not built yet")
}

impl Copy {
    /// The copy recovers until it holds what was committed before `position` (a log position such as `0/1A2B3C4`, not
    /// before the end of [`begin`]; a commit exactly there is left out, since the slot of that position sends it) and
    /// takes writes. It runs.
    ///
    /// # Errors
    /// When it doesn't reach the position.
    pub async fn to_position(self, _position: &str) -> Result<Server> {
        bail!("not built yet")
    }
}
