//! The name under which an upgrade's deployment and snapshots are found again.

use crate::ids::{Database, Owner, hash};

/// 1 to 60 letters, digits and single hyphens, a letter first: the same for each retry of one execution, another for
/// the next execution, so that one's own deployment is told from everybody else's.
#[must_use]
pub fn name(owner: &Owner, database: &Database, version: &str) -> String {
    let hash = hash(&[owner.as_str(), database.as_str(), version]);
    let version = words(version, 12);
    let database = words(database.as_str(), 25);
    hyphened(["viridian", &database, &version, &hash].into_iter())
}

/// Letters and digits, with one hyphen wherever something else stood.
fn words(text: &str, longest: usize) -> String {
    let plain = text.to_ascii_lowercase();
    let parts = plain.split(|c: char| !c.is_ascii_alphanumeric());
    let cut: String = hyphened(parts).chars().take(longest).collect();
    cut.trim_end_matches('-').to_owned()
}

fn hyphened<'a>(parts: impl Iterator<Item = &'a str>) -> String {
    let parts: Vec<&str> = parts.filter(|part| !part.is_empty()).collect();
    parts.join("-")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// RDS's `[a-zA-Z](?:-?[a-zA-Z0-9]+)*`, 1 to 60.
    fn is_valid(name: &str) -> bool {
        (1..=60).contains(&name.len())
            && name.starts_with(|c: char| c.is_ascii_alphabetic())
            && name
                .split('-')
                .all(|part| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric()))
    }

    #[test]
    fn a_name_says_what_it_is_for() {
        let name = name(&"arn:e1".into(), &"orders".into(), "18.4");
        assert!(name.starts_with("viridian-orders-18-4-"), "{name}");
    }

    proptest! {
        #[test]
        fn every_name_is_one_that_rds_takes(owner in ".{0,80}", database in ".{0,80}", version in ".{0,20}") {
            let name = name(&owner.into(), &database.into(), &version);
            prop_assert!(is_valid(&name), "{}", name);
        }

        #[test]
        fn executions_do_not_share_a_name(a in "[a-z0-9:-]{1,40}", b in "[a-z0-9:-]{1,40}") {
            let of = |owner: &str| name(&owner.into(), &"orders".into(), "18.4");
            prop_assert_eq!(of(&a) == of(&b), a == b);
        }
    }
}
