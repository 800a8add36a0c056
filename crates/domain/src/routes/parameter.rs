//! A parameter that clients poll: the hosts in its value are where they connect.
//!
//! One value leads all clients, so it moves at once. Hosts are replaced where they stand in the text, whatever is around them: a
//! host alone, `host:port`, a list of hosts, JSON, a connection string.

use crate::error::StepError;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// A parameter of Systems Manager in one of its states.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parameter {
    /// Its name, such as `/orders/reads`.
    pub parameter: String,
    /// Its value, whole.
    pub value: String,
    /// The version that the value was found with. Each write makes another one, also one that changes nothing.
    pub version: i64,
    /// Seconds within which every client looks at it again.
    pub poll_seconds: u32,
}

impl Parameter {
    /// Whether a value is one that an upgrade between these hosts gives to the parameter: this one, but for the hosts in it.
    #[must_use]
    pub fn is_ours(&self, value: &str, hosts: &BTreeSet<String>) -> bool {
        let without = |text: &str| replaced(text, |host| hosts.contains(host).then_some("\0"));
        without(value) == without(&self.value)
    }

    pub(super) fn share(
        &self,
        greens: &BTreeMap<String, String>,
        writer: &str,
        percent: u8,
    ) -> Result<Self, StepError> {
        if !greens.is_empty() && !greens.keys().any(|host| self.names(host)) {
            return Err(StepError::refused(format!(
                "the parameter {} has no endpoint of this database's instances in its value",
                self.parameter
            )));
        }
        if percent < 100 {
            return Ok(self.clone());
        }
        let mut moved = greens.clone();
        // Beside a replica, the writer may stand there for the writes, which stay on blue.
        if greens.keys().any(|host| host != writer && self.names(host)) {
            moved.remove(writer);
        }
        Ok(self.to(&moved))
    }

    pub(super) fn to(&self, hosts: &BTreeMap<String, String>) -> Self {
        Self {
            value: replaced(&self.value, |host| hosts.get(host).map(String::as_str)),
            ..self.clone()
        }
    }

    pub(super) fn names(&self, host: &str) -> bool {
        let without = replaced(&self.value, |found| (found == host).then_some("\0"));
        without != self.value
    }
}

/// The text with other words for those that `other` knows, which is given each word in lower case. A word is as long as it could
/// be a host's name.
fn replaced<'a>(text: &str, other: impl Fn(&str) -> Option<&'a str>) -> String {
    let is_of_host = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
    let mut written = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(is_of_host) {
        let (between, word) = rest.split_at(start);
        let end = word.find(|c| !is_of_host(c)).unwrap_or(word.len());
        let (word, after) = word.split_at(end);
        written.push_str(between);
        written.push_str(other(&word.to_ascii_lowercase()).unwrap_or(word));
        rest = after;
    }
    written + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const BLUE: &str = "orders-replica.rds.test";
    const WRITER: &str = "orders.rds.test";
    const GREEN: &str = "orders-replica-green-abc123.rds.test";

    fn parameter(value: &str) -> Parameter {
        Parameter {
            parameter: "/orders/reads".into(),
            value: value.into(),
            version: 3,
            poll_seconds: 30,
        }
    }

    fn greens() -> BTreeMap<String, String> {
        BTreeMap::from([(BLUE.to_owned(), GREEN.to_owned())])
    }

    fn hosts() -> BTreeSet<String> {
        [BLUE, GREEN].map(str::to_owned).into()
    }

    #[test]
    fn hosts_are_replaced_whatever_is_around_them() {
        for around in [
            "%",
            "%:5432",
            "%,%:5433",
            r#"{"host": "%", "port": 5432}"#,
            "postgres://reader@%:5432/orders?sslmode=verify-full",
        ] {
            let moved = parameter(&around.replace('%', BLUE)).share(&greens(), WRITER, 100);
            assert_eq!(moved.expect("a share").value, around.replace('%', GREEN));
        }
    }

    #[test]
    fn the_writer_moves_only_where_no_replica_stands_beside_it() {
        let mut greens = greens();
        greens.insert(WRITER.to_owned(), "orders-green-abc123.rds.test".to_owned());
        let moved = |value: String| {
            let moved = parameter(&value).share(&greens, WRITER, 100);
            moved.expect("a share").value
        };
        let both = |reader: &str| format!(r#"{{"writer": "{WRITER}", "reader": "{reader}"}}"#);
        assert_eq!(moved(both(BLUE)), both(GREEN));
        assert_eq!(moved(WRITER.to_owned()), "orders-green-abc123.rds.test");
    }

    #[test]
    fn a_longer_name_is_another_host() {
        for other in [
            format!("my-{BLUE}"),
            format!("{BLUE}.example.com"),
            format!("a.{BLUE}"),
        ] {
            let parameter = parameter(&other);
            assert!(!parameter.names(BLUE), "{other}");
            assert!(parameter.share(&greens(), WRITER, 100).is_err(), "{other}");
        }
    }

    #[test]
    fn a_change_of_anything_but_the_host_is_foreign() {
        let found = parameter(&format!("{BLUE}:5432"));
        assert!(found.is_ours(&format!("{GREEN}:5432"), &hosts()));
        for foreign in [
            format!("{GREEN}:6432"),
            "elsewhere.example.com:5432".to_owned(),
            format!("{BLUE}:5432 "),
            String::new(),
        ] {
            assert!(!found.is_ours(&foreign, &hosts()), "{foreign}");
        }
    }

    fn values() -> impl Strategy<Value = String> {
        let part = prop_oneof![Just(BLUE.to_owned()), "[ -~]{0,12}", "[é\"{}:,@/ ]{0,6}"];
        prop::collection::vec(part, 1..6).prop_map(|parts| parts.concat() + ":" + BLUE)
    }

    proptest! {
        #[test]
        fn it_moves_at_100_percent_and_comes_back_exactly(value in values(), percent in 0_u8..100) {
            let found = parameter(&value);
            prop_assert_eq!(&found.share(&greens(), WRITER, percent).unwrap(), &found);
            let moved = found.share(&greens(), WRITER, 100).unwrap();
            prop_assert!(!moved.names(BLUE) && moved.names(GREEN));
            prop_assert!(found.is_ours(&moved.value, &hosts()));
            let back = BTreeMap::from([(GREEN.to_owned(), BLUE.to_owned())]);
            prop_assert_eq!(moved.to(&back), found);
        }
    }
}
