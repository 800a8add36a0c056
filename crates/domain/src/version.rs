//! Engine versions, as RDS writes them.

use crate::rds::UpgradeTarget;
use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

/// A version such as `16.14` or `11.22-rds.20240418`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Version {
    numbers: Vec<u32>,
    suffix: String,
}

impl Version {
    /// What separates versions with another format of data from versions with the same: `16` of `16.14`, `9.6` of `9.6.24`.
    #[must_use]
    pub fn major(&self) -> Vec<u32> {
        let length = if self.first() < 10 { 2 } else { 1 };
        self.numbers.iter().copied().take(length).collect()
    }

    /// The first number: `16` of `16.14`.
    #[must_use]
    pub fn first(&self) -> u32 {
        self.numbers.first().copied().unwrap_or_default()
    }

    /// The number after the major version: `14` of `16.14`; 0 where there is none.
    #[must_use]
    pub fn minor(&self) -> u32 {
        self.numbers
            .get(self.major().len())
            .copied()
            .unwrap_or_default()
    }

    /// Whether it names one release and not a whole line: `16.14` does, `16` doesn't.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.numbers.len() > self.major().len()
    }
}

impl FromStr for Version {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (plain, suffix) = text.split_once('-').unwrap_or((text, ""));
        let numbers: Result<Vec<u32>, _> = plain.split('.').map(number).collect();
        let suffixed = !text.contains('-')
            || (!suffix.is_empty()
                && suffix
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || c == '.'));
        match numbers {
            Ok(numbers) if suffixed && numbers.len() <= 4 => Ok(Self {
                numbers,
                suffix: suffix.to_owned(),
            }),
            _ => Err(format!("`{text}` is no version such as `17.4`")),
        }
    }
}

/// Digits only: `u32::from_str` would take a plus sign too.
fn number(text: &str) -> Result<u32, ()> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then_some(text).ok_or(())?.parse().map_err(|_| ())
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let numbers: Vec<String> = self.numbers.iter().map(u32::to_string).collect();
        f.write_str(&numbers.join("."))?;
        match self.suffix.as_str() {
            "" => Ok(()),
            suffix => write!(f, "-{suffix}"),
        }
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        let numbers = self.numbers.cmp(&other.numbers);
        numbers.then_with(|| self.suffix.cmp(&other.suffix))
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Whether two versions, as servers or RDS write them, have the same major version.
#[must_use]
pub fn is_same_major(one: &str, other: &str) -> bool {
    let major = |text: &str| text.parse().map(|version: Version| version.major());
    match (major(one), major(other)) {
        (Ok(one), Ok(other)) => one == other,
        _ => one == other,
    }
}

/// What an upgrade from one version to another is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Already there.
    Same,
    /// The same major version, newer.
    Minor,
    /// A newer major version.
    Major,
    /// Older: RDS can't do that.
    Downgrade,
}

/// Tells what an upgrade from `from` to `to` is.
#[must_use]
pub fn change(from: &Version, to: &Version) -> Change {
    match to.cmp(from) {
        Ordering::Equal => Change::Same,
        Ordering::Less => Change::Downgrade,
        Ordering::Greater if from.major() == to.major() => Change::Minor,
        Ordering::Greater => Change::Major,
    }
}

/// Whether RDS offers the way from one version to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Offer {
    /// It does.
    Offered,
    /// It doesn't; these it offers, lowest first.
    Not(Vec<String>),
}

/// Looks `to` up among the valid upgrade targets of the running version.
#[must_use]
pub fn offer(to: &Version, targets: &[UpgradeTarget]) -> Offer {
    let mut offered: Vec<Version> = targets
        .iter()
        .filter_map(|target| target.version.parse().ok())
        .collect();
    offered.sort();
    if offered.contains(to) {
        Offer::Offered
    } else {
        Offer::Not(offered.iter().map(Version::to_string).collect())
    }
}

/// Whether RDS can replicate logically from this version to a green of another major version.
#[must_use]
pub fn can_replicate_logically(from: &Version) -> bool {
    let lowest_minor = match from.first() {
        ..11 => return false,
        11 => 21,
        12 => 16,
        13 => 12,
        14 => 9,
        15 => 4,
        16 => 1,
        17.. => 0,
    };
    from.minor() >= lowest_minor
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn version(text: &str) -> Version {
        text.parse().expect(text)
    }

    fn kind(from: &str, to: &str) -> Change {
        change(&version(from), &version(to))
    }

    #[test]
    fn the_kind_of_change_follows_the_numbers_not_the_text() {
        assert_eq!(kind("16.4", "16.14"), Change::Minor);
        assert_eq!(kind("16.14", "18.4"), Change::Major);
        assert_eq!(kind("9.5.1", "9.6.1"), Change::Major);
        assert_eq!(kind("16.14", "16.4"), Change::Downgrade);
        assert_eq!(kind("16.14", "16.14"), Change::Same);
        assert_eq!(kind("11.22", "11.22-rds.20240418"), Change::Minor);
    }

    #[test]
    fn what_is_no_version_is_refused() {
        for text in [
            "",
            "16.",
            ".4",
            "16.x",
            "v17",
            "+17.4",
            "17.4-",
            "17 .4",
            "1.2.3.4.5",
            "17.4-a b",
        ] {
            assert!(text.parse::<Version>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_line_is_not_a_release() {
        assert!(version("16.14").is_complete() && !version("16").is_complete());
        assert!(version("9.6.1").is_complete() && !version("9.6").is_complete());
    }

    #[test]
    fn an_offer_names_what_is_offered_instead() {
        let targets = ["18.4", "16.14", "17.4"].map(|version| UpgradeTarget {
            version: version.to_owned(),
            major: true,
        });
        assert_eq!(offer(&version("17.4"), &targets), Offer::Offered);
        let others = ["16.14", "17.4", "18.4"].map(String::from).to_vec();
        assert_eq!(offer(&version("17.5"), &targets), Offer::Not(others));
    }

    #[test]
    fn logical_replication_starts_with_the_documented_minors() {
        assert!(can_replicate_logically(&version("16.1")));
        assert!(!can_replicate_logically(&version("15.3")));
        assert!(!can_replicate_logically(&version("10.23")));
        assert!(can_replicate_logically(&version("19.0")));
    }

    proptest! {
        #[test]
        fn a_version_survives_its_text(numbers in proptest::collection::vec(any::<u32>(), 1..=4)) {
            let text = numbers.iter().map(u32::to_string).collect::<Vec<_>>().join(".");
            prop_assert_eq!(version(&text).to_string(), text);
        }

        #[test]
        fn parsing_is_total(text in ".{0,20}") {
            let _ = text.parse::<Version>();
        }

        #[test]
        fn there_and_back_is_a_downgrade(a in 10u32..30, b in 0u32..30, c in 10u32..30, d in 0u32..30) {
            let (x, y) = (version(&format!("{a}.{b}")), version(&format!("{c}.{d}")));
            let there = change(&x, &y);
            let back = change(&y, &x);
            prop_assert_eq!(there == Change::Same, back == Change::Same);
            prop_assert_eq!(there == Change::Same, x == y);
            prop_assert!(there == Change::Same || (there == Change::Downgrade) != (back == Change::Downgrade));
        }
    }
}
