//! How far green is behind blue, per database: bytes from blue's slots, time from the marker.

use super::{Session, marker, slots};
use crate::error::Error;
use domain::check_lag::Lag;
use std::time::Duration;

/// Writes a marker on blue and looks for it on green, `patience` long. The age of the marker that green shows then is the
/// lag; with a slot that is missing, doubled or silent the bytes are unreadable.
///
/// # Errors
///
/// If blue can't be written or read: without blue there is nothing to be behind of. What green doesn't answer is no
/// error but a missing value.
pub async fn measure(
    blue: &Session,
    green: &Session,
    database: &str,
    patience: Duration,
) -> Result<Lag, Error> {
    let written = marker::write(blue).await?;
    let seen = marker::wait(green, written.number, patience).await;
    let ms = match seen {
        Ok(Some(seen)) => {
            let age = marker::clock(blue).await?.since(seen.written_at);
            u64::try_from(age).ok()
        }
        Ok(None) => None,
        Err(cause) => {
            tracing::warn!(%cause, database, "marker not read on green");
            None
        }
    };
    Ok(Lag {
        bytes: bytes(blue, database).await?,
        ms,
    })
}

/// Bytes that green has not confirmed of one database.
///
/// # Errors
///
/// If the session is gone.
pub async fn bytes(blue: &Session, database: &str) -> Result<Option<u64>, Error> {
    let mut slots = slots::logical(blue).await?;
    slots.retain(|slot| slot.database == database);
    Ok(match slots.as_slice() {
        [one] => one.behind,
        _ => None,
    })
}
