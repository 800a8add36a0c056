//! How far green is behind blue, per database: bytes from the log, time from the marker.

use crate::Call;
use domain::lag::Lag;
use ports::{Error, Session, World};
use std::time::Duration;

/// Writes a marker on blue and looks for it on green, `patience` long. The age of the marker that green shows then is the lag.
///
/// # Errors
///
/// If blue can't be written or read: without blue there is nothing to be behind of. What green doesn't answer is no error but
/// a missing value.
pub async fn measure<S: Session>(
    blue: &S,
    green: &S,
    database: &str,
    patience: Duration,
) -> Result<Lag, Error> {
    let written = blue.write_marker().await?.marker;
    let ms = match green.await_marker(written.number, patience).await {
        Ok(Some(seen)) => {
            let age = blue.clock().await?.since(seen.written_at);
            u64::try_from(age).ok()
        }
        Ok(None) => None,
        Err(cause) => {
            tracing::warn!(%cause, database, "marker not read on green");
            None
        }
    };
    Ok(Lag {
        bytes: blue.unconfirmed(database).await?,
        ms,
    })
}

/// How long a marker may take, within what is left of a call.
#[must_use]
pub fn patience<W: World>(call: &Call<'_, W>, limit_ms: u64, spare: Duration) -> Duration {
    Duration::from_millis(limit_ms).min(call.remaining().saturating_sub(spare))
}
