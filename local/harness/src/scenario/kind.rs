//! The scenarios, and what each needs that the others don't.

use clap::ValueEnum;
use serde::Serialize;
use serde_json::{Value, json};

/// What is done to the upgrade.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A major upgrade that goes well: 16 to 18.
    Upgrade,
    /// An alarm rings at 50 % of reads: back to blue.
    Alarm,
    /// Replication stands still: no switchover, back to blue.
    Lag,
    /// A table without a primary key, and backups off: refused, nothing touched.
    Refused,
    /// A minor upgrade in place, replica first.
    Minor,
    /// An alarm rings when green has taken writes for a while: back to blue with all of them.
    Rollback,
}

impl Kind {
    /// The version before and the version that is asked for.
    #[must_use]
    pub const fn versions(self) -> (&'static str, &'static str) {
        match self {
            Self::Minor => ("16.4", "16.14"),
            _ => ("16.14", "18.4"),
        }
    }

    /// The state in which the machine must end.
    #[must_use]
    pub const fn must_end_in(self) -> &'static str {
        match self {
            Self::Upgrade | Self::Minor => "Completed",
            Self::Alarm | Self::Lag | Self::Rollback => "RolledBack",
            Self::Refused => "Rejected",
        }
    }

    /// What a person types.
    #[must_use]
    pub fn request(self) -> Value {
        let (_, target) = self.versions();
        let mut request = json!({ "database": crate::shop::DATABASE, "target_version": target });
        if matches!(self, Self::Upgrade | Self::Alarm | Self::Rollback) {
            // Long enough, at that scale, for a share of reads to be seen.
            request["bake_minutes"] = json!(16);
            request["watch_hours"] = json!(1);
        }
        if self == Self::Lag {
            request["catch_up_minutes"] = json!(1);
        }
        request
    }
}
