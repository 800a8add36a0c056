//! The marker: one row per database, written on the side that takes the writes. Once the other side shows it, everything
//! that was committed before it is there too.

use crate::ids::{Millis, Position};
use serde::{Deserialize, Serialize};

/// A marker row that was written on blue, by which green proves that it has everything up to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marker {
    /// The marker's number, one per database of the server.
    pub number: i64,
    /// Blue's log position after the marker's commit.
    pub position: Position,
    /// When it was written, by blue's own clock.
    pub written_at: Millis,
}

/// A marker as either side shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// Its number.
    pub number: i64,
    /// When it was written, by the clock of the side that wrote it.
    pub written_at: Millis,
}
