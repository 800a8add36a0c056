//! What a server says about itself: its version and its clock.

use crate::PgSession;
use crate::error::looked;
use domain::ids::Millis;
use ports::{Error, Session};

/// The server's major version.
pub(crate) fn major(session: &PgSession) -> i32 {
    let said = session.version();
    let end = said.find(|c: char| !c.is_ascii_digit());
    let digits = end.map_or(said, |end| &said[..end]);
    digits.parse().unwrap_or_default()
}

/// The server's own clock.
pub(crate) async fn clock(session: &PgSession) -> Result<Millis, Error> {
    let query = "select (extract(epoch from clock_timestamp()) * 1000)::bigint";
    let row = session.query_one(query, &[]).await;
    let row = row.map_err(looked("reading the server's clock"))?;
    Ok(Millis(row.get(0)))
}
