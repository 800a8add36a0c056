//! Reads a JSON object field by field, so that everything that is wrong with it is said at once.

use serde_json::{Map, Value};
use std::fmt;
use strsim::levenshtein;

/// One thing that is wrong with a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The field, such as `ramp` or `reads.record`.
    pub field: String,
    /// What is wrong with it.
    pub problem: String,
    /// What to write instead.
    pub remedy: String,
}

/// Everything that is wrong with a request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Faults(pub Vec<Fault>);

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> = self.0.iter().map(Fault::to_string).collect();
        write!(f, "The request can't be used. {}", lines.join(" "))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` {}: {}.", self.field, self.problem, self.remedy)
    }
}

/// What is left of an object after some of its fields were taken, and what was wrong with those.
pub(super) struct Fields {
    within: &'static str,
    left: Map<String, Value>,
    known: Vec<&'static str>,
    faults: Vec<Fault>,
}

impl Fields {
    /// The fields of an object; `within` is its own name with a dot, or empty.
    pub fn of(left: Map<String, Value>, within: &'static str) -> Self {
        Self {
            within,
            left,
            known: vec![],
            faults: vec![],
        }
    }

    /// Takes a field. Absent and `null` are the same, and nothing; what `read` refuses becomes a fault with its remedy.
    pub fn take<T>(
        &mut self,
        name: &'static str,
        remedy: &str,
        read: impl FnOnce(&Value) -> Option<T>,
    ) -> Option<T> {
        let value = self.raw(name)?;
        let taken = read(&value);
        if taken.is_none() {
            self.fault(name, format!("can't be {}", shortened(&value)), remedy);
        }
        taken
    }

    /// Takes a field that must be there.
    pub fn need<T>(
        &mut self,
        name: &'static str,
        remedy: &str,
        read: impl FnOnce(&Value) -> Option<T>,
    ) -> Option<T> {
        if self.left.get(name).is_none_or(Value::is_null) {
            self.fault(name, "is missing".to_owned(), remedy);
        }
        self.take(name, remedy, read)
    }

    /// Takes an object's own fields.
    pub fn nested<T>(
        &mut self,
        name: &'static str,
        within: &'static str,
        remedy: &str,
        read: impl FnOnce(&mut Self) -> Option<T>,
    ) -> Option<T> {
        let object = self.take(name, remedy, |value| value.as_object().cloned())?;
        let mut inner = Self::of(object, within);
        let taken = read(&mut inner);
        self.faults.extend(inner.finish());
        taken
    }

    /// Whether a field is still to be taken.
    pub fn has(&self, name: &str) -> bool {
        self.left.get(name).is_some_and(|value| !value.is_null())
    }

    /// Declares these fields known: none is a fault, and a misspelt one is corrected to them.
    pub fn know(&mut self, names: &[&'static str]) {
        for name in names {
            self.raw(name);
        }
    }

    /// Everything that was wrong, unknown fields included.
    pub fn finish(mut self) -> Vec<Fault> {
        let unknown: Vec<String> = self.left.keys().cloned().collect();
        for name in unknown {
            let remedy = nearest(&name, &self.known).map_or_else(
                || format!("remove it; the fields are {}", self.known.join(", ")),
                |known| format!("did you mean `{known}`"),
            );
            self.fault(&name, "is no field of a request".to_owned(), &remedy);
        }
        self.faults
    }

    fn raw(&mut self, name: &'static str) -> Option<Value> {
        self.known.push(name);
        self.left.remove(name).filter(|value| !value.is_null())
    }

    /// Something that is wrong with a field beside its own value.
    pub fn fault(&mut self, name: &str, problem: String, remedy: &str) {
        self.faults.push(Fault {
            field: format!("{}{name}", self.within),
            problem,
            remedy: remedy.to_owned(),
        });
    }
}

/// A value as a person would recognize it, but no novel.
fn shortened(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// The known name that a person most likely meant.
fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let plain = name.to_lowercase().replace('-', "_");
    known
        .iter()
        .map(|known| (levenshtein(&plain, known), *known))
        .filter(|(distance, known)| *distance <= 3 && distance * 2 < known.len())
        .min()
        .map(|(_, known)| known)
}

#[cfg(test)]
mod tests {
    use super::nearest;
    use proptest::prelude::*;

    #[test]
    fn the_nearest_name_is_offered_and_a_far_one_is_not() {
        let known = ["database", "target_version", "ramp"];
        assert_eq!(nearest("Target-Versoin", &known), Some("target_version"));
        assert_eq!(nearest("datbase", &known), Some("database"));
        assert_eq!(nearest("colour", &known), None);
    }

    proptest! {
        #[test]
        fn a_known_name_is_its_own_nearest_also_with_one_letter_too_many(name in "[a-d]{4,9}", letter in "[a-d]") {
            let known = [name.as_str(), "database"];
            prop_assert_eq!(nearest(&name, &known), Some(known[0]));
            prop_assert_eq!(nearest(&format!("{name}{letter}"), &known), Some(known[0]));
        }
    }
}
