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

/// A position in PostgreSQL's write-ahead log. On the wire it is PostgreSQL's own text, `16/B374D848`, because JSON
/// numbers lose precision above 2^53.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Lsn(pub u64);

impl fmt::Display for Lsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:X}/{:X}", self.0 >> 32, self.0 & 0xFFFF_FFFF)
    }
}

impl std::str::FromStr for Lsn {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parsed = text.split_once('/').and_then(|(high, low)| {
            let high = u32::from_str_radix(high, 16).ok()?;
            let low = u32::from_str_radix(low, 16).ok()?;
            Some(Self(u64::from(high) << 32 | u64::from(low)))
        });
        parsed.ok_or_else(|| {
            format!("`{text}` is no log position; PostgreSQL writes them as `16/B374D848`")
        })
    }
}

impl Serialize for Lsn {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Lsn {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::Lsn;

    #[test]
    fn a_log_position_survives_its_text() {
        for lsn in [0, 1, u64::from(u32::MAX), u64::MAX].map(Lsn) {
            assert_eq!(lsn.to_string().parse(), Ok(lsn));
        }
        assert!("16".parse::<Lsn>().is_err() && "x/y".parse::<Lsn>().is_err());
    }
}
