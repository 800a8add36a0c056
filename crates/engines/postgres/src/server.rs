//! What a server says about itself: its version and its clock.

use crate::PgSession;
use crate::error::looked;
use domain::ids::Millis;
use ports::Error;

/// The server's version, such as `18.4`. RDS's builds say `16.14`, others may say `16.14 (Debian …)`.
pub(crate) async fn version(session: &PgSession) -> Result<String, Error> {
    let query = "select split_part(current_setting('server_version'), ' ', 1)";
    let row = session.query_one(query, &[]).await;
    Ok(row.map_err(looked("reading the server's version"))?.get(0))
}

/// The server's major version.
pub(crate) async fn major(session: &PgSession) -> Result<i32, Error> {
    let query = "select current_setting('server_version_num')::int / 10000";
    let row = session.query_one(query, &[]).await;
    Ok(row.map_err(looked("reading the server's version"))?.get(0))
}

/// The server's own clock.
pub(crate) async fn clock(session: &PgSession) -> Result<Millis, Error> {
    let query = "select (extract(epoch from clock_timestamp()) * 1000)::bigint";
    let row = session.query_one(query, &[]).await;
    let row = row.map_err(looked("reading the server's clock"))?;
    Ok(Millis(row.get(0)))
}
