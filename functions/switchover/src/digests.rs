//! Old, which stands still, against new as it was when it was opened: the sessions inside new still see that moment.

use crate::sides::{Sides, opened};
use domain::switchover::{Digests, behind, matched};
use effects::error::Error;
use effects::postgres::{Access, Session, digest, standing, tables};
use effects::step::Invocation;
use futures_util::future::try_join;
use std::time::Duration;

/// What the end of the invocation needs.
const SPARE: Duration = Duration::from_secs(6);
/// Clients come back first.
const BREATH: Duration = Duration::from_secs(1);

/// What came of comparing a database.
pub(crate) enum Compared {
    /// The same rows on both sides.
    Alike {
        /// How many.
        rows: u64,
        /// The digest over them.
        digest: String,
    },
    /// What is not the same, a line each.
    Unlike(Vec<String>),
    /// Why it could not be told.
    Unknown(String),
}

/// Compares database by database, as far as there is time.
pub(crate) async fn compare(sides: &Sides, invocation: &Invocation) -> Vec<(String, Compared)> {
    tokio::time::sleep(BREATH).await;
    let mut all = vec![];
    for (database, new) in sides.databases.iter().zip(&sides.new_inside) {
        let left = invocation.remaining().saturating_sub(SPARE);
        let found = tokio::time::timeout(left, one(sides, database, new.as_ref(), left)).await;
        let found = match found {
            Ok(Ok(found)) => found,
            Ok(Err(failed)) => {
                Compared::Unknown(format!("`{database}` could not be compared: {failed}"))
            }
            Err(_) => Compared::Unknown(format!(
                "`{database}` is too large to be compared within one call"
            )),
        };
        all.push((database.clone(), found));
    }
    all
}

async fn one(
    sides: &Sides,
    database: &str,
    new: Option<&Session>,
    left: Duration,
) -> Result<Compared, Error> {
    let new = opened(new)?;
    let old = sides.old.open(database, Access::AsServed).await?;
    let (on_old, on_new) = try_join(digests(&old, left), digests(new, left)).await?;
    let (before, after) = try_join(tables::sequences(&old), tables::sequences(new)).await?;
    standing::release(new).await?;
    let mut lines = behind(database, &before, &after);
    let matched = matched(database, &on_old, &on_new);
    Ok(match matched {
        Ok((rows, digest)) if lines.is_empty() => Compared::Alike { rows, digest },
        Ok(_) => Compared::Unlike(lines),
        Err(differ) => {
            lines.extend(differ);
            Compared::Unlike(lines)
        }
    })
}

async fn digests(session: &Session, left: Duration) -> Result<Digests, Error> {
    session.limit_statements(left).await?;
    let mut all = Digests::new();
    for table in tables::read(session).await? {
        let whole = digest::buckets(session, &table, 1).await?;
        let whole = whole
            .values()
            .next()
            .map_or((0, 0), |all| (all.rows, all.sum));
        all.insert(table.to_string(), whole);
    }
    Ok(all)
}
