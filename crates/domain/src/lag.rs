//! How far green is behind blue.

use crate::request::Request;

/// How far green may be behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// In bytes of the log.
    pub bytes: u64,
    /// In milliseconds.
    pub ms: u64,
}

impl From<&Request> for Limits {
    fn from(request: &Request) -> Self {
        Self {
            bytes: request.max_lag_bytes,
            ms: u64::from(request.max_lag_seconds) * 1000,
        }
    }
}

/// How far one database of the server is behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Lag {
    /// Bytes of the log that green has not confirmed; nothing if it could not be read.
    pub bytes: Option<u64>,
    /// Age of the last marker seen on green, in milliseconds; nothing if it could not be read.
    pub ms: Option<u64>,
}

impl Lag {
    /// The worst of several databases. One that can't be read makes the whole unreadable, and so does there being none.
    #[must_use]
    pub fn worst<'a>(databases: impl IntoIterator<Item = &'a Self>) -> Self {
        let mut all = databases.into_iter().copied();
        let worse = |a: Self, b: Self| Self {
            bytes: a.bytes.zip(b.bytes).map(|(a, b)| a.max(b)),
            ms: a.ms.zip(b.ms).map(|(a, b)| a.max(b)),
        };
        let first = all.next().unwrap_or_default();
        all.fold(first, worse)
    }

    /// Under the limits. What could not be read is not.
    #[must_use]
    pub fn is_under(self, limits: Limits) -> bool {
        self.bytes.is_some_and(|bytes| bytes <= limits.bytes)
            && self.ms.is_some_and(|ms| ms <= limits.ms)
    }

    /// In words, against the limits.
    #[must_use]
    pub fn told(self, limits: Limits) -> String {
        let told = |value: Option<u64>| value.map_or("unreadable".to_owned(), |n| n.to_string());
        format!(
            "{} of {} bytes and {} of {} ms behind",
            told(self.bytes),
            limits.bytes,
            told(self.ms),
            limits.ms
        )
    }
}
