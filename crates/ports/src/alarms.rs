//! CloudWatch's alarms.

use crate::Error;
use domain::alarms::Reading;
use domain::ids::{Database, Millis};

/// The Region's alarms.
pub trait Alarms {
    /// The names of the alarms that carry the tag `viridian:database` with the database's name.
    ///
    /// # Errors
    ///
    /// If CloudWatch can't be read.
    async fn tagged(&self, database: &Database) -> Result<Vec<String>, Error>;

    /// What each of these alarms shows now, and with `since` whether it went to ALARM since that moment. A name that no alarm
    /// has comes back as [`domain::alarms::State::Missing`].
    ///
    /// # Errors
    ///
    /// If CloudWatch can't be read.
    async fn read(&self, names: &[String], since: Option<Millis>) -> Result<Vec<Reading>, Error>;
}
