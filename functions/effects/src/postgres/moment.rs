//! Two sides compared as they were at the moment when writes moved from one to the other: a session that [`hold`] made
//! goes on seeing it, whatever is written meanwhile.

use super::{Session, digest, standing, tables};
use crate::error::Error;
use domain::switchover::{Digests, Receipt, behind, matched};
use futures_util::future::try_join;
use std::time::Duration;

/// One database: the side that wrote before, and the side that writes from then on.
pub struct Moment<'a> {
    /// The database.
    pub database: &'a str,
    /// As it was left. A failure is why it can't be compared.
    pub left: Result<&'a Session, &'a Error>,
    /// As it was opened.
    pub opened: Result<&'a Session, &'a Error>,
}

/// Holds on to what the session's database is at this moment.
///
/// # Errors
///
/// If the session is gone, or its database has no marker's table.
pub async fn hold(session: Session) -> Result<Session, Error> {
    standing::freeze(&session).await?;
    Ok(session)
}

/// Compares database by database, as far as there is time, and writes into the receipt what came of it. `time` is what is
/// left.
pub async fn compare(moments: &[Moment<'_>], receipt: &mut Receipt, time: impl Fn() -> Duration) {
    for moment in moments {
        let left = time();
        let found = tokio::time::timeout(left, one(moment, left)).await;
        let database = moment.database;
        match (found, receipt.databases.get_mut(database)) {
            (Ok(Ok(Ok((rows, digest)))), Some(arrived)) => {
                (arrived.rows, arrived.digest) = (Some(rows), Some(digest));
            }
            (Ok(Ok(Ok(_))), None) => {}
            (Ok(Ok(Err(lines))), _) => receipt.wrong.extend(lines),
            (Ok(Err(why)), _) => {
                let why = format!("`{database}` could not be compared: {why}");
                receipt.complaints.push(why);
            }
            (Err(_), _) => {
                let why = format!("`{database}` is too large to be compared within one call");
                receipt.complaints.push(why);
            }
        }
    }
}

/// Rows and digest where both are alike, or what is not, a line each.
type Compared = Result<(u64, String), Vec<String>>;

async fn one(moment: &Moment<'_>, time: Duration) -> Result<Compared, String> {
    let (left, opened) = match (moment.left, moment.opened) {
        (Ok(left), Ok(opened)) => (left, opened),
        (Err(lost), _) | (_, Err(lost)) => return Err(lost.to_string()),
    };
    let said = |failed: Error| failed.to_string();
    let (before, after) = try_join(digests(left, time), digests(opened, time))
        .await
        .map_err(said)?;
    let sequences = try_join(tables::sequences(left), tables::sequences(opened)).await;
    let (then, now) = sequences.map_err(said)?;
    let mut lines = behind(moment.database, &then, &now);
    Ok(match matched(moment.database, &before, &after) {
        Ok(alike) if lines.is_empty() => Ok(alike),
        Ok(_) => Err(lines),
        Err(differ) => {
            lines.extend(differ);
            Err(lines)
        }
    })
}

async fn digests(session: &Session, time: Duration) -> Result<Digests, Error> {
    session.limit_statements(time).await?;
    let mut all = Digests::new();
    for table in tables::read(session).await? {
        let parts = digest::buckets(session, &table, 1).await?;
        let whole = parts.values().next();
        let whole = whole.map_or((0, 0), |whole| (whole.rows, whole.sum));
        all.insert(table.to_string(), whole);
    }
    Ok(all)
}
