//! Positions in the write-ahead log, in PostgreSQL's own text: `16/B374D848`. To everyone else they are opaque.

use crate::PgSession;
use domain::error::StepError;
use domain::ids::Position;
use ports::Error;

/// The position behind the last record in the log.
///
/// # Errors
///
/// If the session is gone, or the server is a replica.
pub(crate) async fn last(session: &PgSession) -> Result<Position, Error> {
    const DOING: &str = "reading the log position";
    let query = "select pg_current_wal_insert_lsn()::text";
    let row = session.look_one(DOING, query, &[]).await?;
    read(row.get(0)).map_err(|why| StepError::failed(format!("{DOING} failed: {why}")).into())
}

/// Reads a position that a server has written.
///
/// # Errors
///
/// If it is none.
pub(crate) fn read(text: &str) -> Result<Position, StepError> {
    let is_hex = |part: &str| u32::from_str_radix(part, 16).is_ok();
    match text.split_once('/') {
        Some((high, low)) if is_hex(high) && is_hex(low) => Ok(Position(text.to_owned())),
        _ => Err(StepError::failed(format!(
            "`{text}` is no log position; PostgreSQL writes them as `16/B374D848`"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn a_log_position_survives_its_text() {
        for text in ["0/0", "0/1", "0/FFFFFFFF", "FFFFFFFF/FFFFFFFF"] {
            assert_eq!(read(text).expect("a position").as_str(), text);
        }
        assert!(read("16").is_err() && read("x/y").is_err());
    }
}
