//! Newtypes for what must not be mixed up.

use serde::{Deserialize, Serialize};
use std::fmt;

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub String);

        impl $name {
            /// The text itself.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.to_owned())
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text)
            }
        }
    };
}

text_id! {
    /// The identifier of the instance that takes the writes before the upgrade, such as `orders`. Names the upgrade's record.
    Database
}
text_id! {
    /// An instance's `DBInstanceIdentifier`. **A switchover swaps these**: never delete by one.
    InstanceId
}
text_id! {
    /// An instance's `DbiResourceId`, such as `db-ABC…`. It stays with the data whatever the instance is called.
    ResourceId
}
text_id! {
    /// A blue/green deployment's identifier, `bgd-…`.
    DeploymentId
}
text_id! {
    /// The ARN of the execution that owns an upgrade.
    Owner
}
text_id! {
    #[derive(Default)]
    /// A position in a server's log of changes, as its engine writes it. Only the engine can compare two of them.
    Position
}

/// Counts who may act on a database. A rollback raises it, and every older ticket is refused from then on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Epoch(pub u64);

/// A point in time, in milliseconds since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Millis(pub i64);

impl Millis {
    /// Milliseconds from `earlier` to `self`; negative if the clock went back.
    #[must_use]
    pub const fn since(self, earlier: Self) -> i64 {
        self.0 - earlier.0
    }
}

/// FNV-1a with a separator between the parts, ten hexadecimal digits: it tells executions apart and guards nothing.
pub(crate) fn hash(parts: &[&str]) -> String {
    let bytes = parts.iter().flat_map(|part| part.bytes().chain([0]));
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{:010x}", hash >> 24)
}
