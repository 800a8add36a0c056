//! Two sides compared as they were at the moment when writes moved from one to the other: a session that was frozen goes on
//! seeing it, whatever is written meanwhile.

use crate::Call;
use domain::proof::{Digests, behind, matched};
use domain::receipt::Receipt;
use futures_util::future::try_join;
use ports::{Error, Session, World};
use std::time::Duration;

/// One database: the side that wrote before, and the side that writes from then on.
pub struct Moment<'a, S> {
    /// The database.
    pub database: &'a str,
    /// As it was left. A failure is why it can't be compared.
    pub left: Result<&'a S, &'a Error>,
    /// As it was opened.
    pub opened: Result<&'a S, &'a Error>,
}

/// Compares database by database, as far as there is time, and writes into the receipt what came of it. `spare` is left for
/// the end of the call.
pub async fn compare<W: World, S: Session>(
    call: &Call<'_, W>,
    moments: &[Moment<'_, S>],
    receipt: &mut Receipt,
    spare: Duration,
) {
    for moment in moments {
        let left = call.remaining().saturating_sub(spare);
        let found = call.timeout(left, moment.compare(left)).await;
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

impl<S: Session> Moment<'_, S> {
    async fn compare(&self, time: Duration) -> Result<Compared, String> {
        let (left, opened) = match (self.left, self.opened) {
            (Ok(left), Ok(opened)) => (left, opened),
            (Err(lost), _) | (_, Err(lost)) => return Err(lost.to_string()),
        };
        let said = |failed: Error| failed.to_string();
        let (before, after) = try_join(digests(left, time), digests(opened, time))
            .await
            .map_err(said)?;
        let sequences = try_join(left.sequences(), opened.sequences()).await;
        let (then, now) = sequences.map_err(said)?;
        let mut lines = behind(self.database, &then, &now);
        Ok(match matched(self.database, &before, &after) {
            Ok(alike) if lines.is_empty() => Ok(alike),
            Ok(_) => Err(lines),
            Err(differ) => {
                lines.extend(differ);
                Err(lines)
            }
        })
    }
}

async fn digests<S: Session>(session: &S, time: Duration) -> Result<Digests, Error> {
    session.limit_statements(time).await?;
    let mut all = Digests::new();
    for table in session.tables().await? {
        let parts = session.buckets(&table, 1).await?;
        let whole = parts.values().next();
        let whole = whole.map_or((0, 0), |whole| (whole.rows, whole.sum));
        all.insert(table.to_string(), whole);
    }
    Ok(all)
}
