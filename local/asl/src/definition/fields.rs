//! Reads an object field by field, and notices which fields were not read.

use serde_json::{Map, Value};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt;

/// One thing that is wrong with a definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Where, as a JSON pointer.
    pub path: String,
    /// What.
    pub message: String,
}

impl Fault {
    pub(super) fn new(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            message: message.into(),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}", self.message, self.path)
    }
}

/// Where faults are gathered while a definition is read.
#[derive(Default)]
pub(super) struct Faults(RefCell<Vec<Fault>>);

impl Faults {
    pub(super) fn add(&self, path: impl Into<String>, message: impl Into<String>) {
        self.0.borrow_mut().push(Fault::new(path, message));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.borrow().is_empty()
    }

    pub(super) fn into_inner(self) -> Vec<Fault> {
        self.0.into_inner()
    }
}

/// An object that is being read.
pub(super) struct Fields<'a> {
    pub(super) path: String,
    pub(super) faults: &'a Faults,
    map: &'a Map<String, Value>,
    seen: RefCell<BTreeSet<&'static str>>,
}

impl<'a> Fields<'a> {
    /// `None`, and a fault, if `value` is no object.
    pub(super) fn of(value: &'a Value, path: String, faults: &'a Faults) -> Option<Self> {
        let Value::Object(map) = value else {
            faults.add(path, "an object is expected");
            return None;
        };
        let fields = Self {
            path,
            faults,
            map,
            seen: RefCell::default(),
        };
        fields.optional_text("Comment");
        Some(fields)
    }

    /// The path of a field of this object.
    pub(super) fn at(&self, name: &str) -> String {
        format!("{}/{name}", self.path)
    }

    pub(super) fn fault(&self, name: &str, message: impl Into<String>) {
        self.faults.add(self.at(name), message);
    }

    pub(super) fn take(&self, name: &'static str) -> Option<&'a Value> {
        self.seen.borrow_mut().insert(name);
        self.map.get(name)
    }

    pub(super) fn required(&self, name: &'static str) -> Option<&'a Value> {
        let found = self.take(name);
        if found.is_none() {
            self.fault(name, "this field is required");
        }
        found
    }

    pub(super) fn optional_text(&self, name: &'static str) -> Option<String> {
        self.text_of(name, self.take(name)?)
    }

    pub(super) fn text(&self, name: &'static str) -> Option<String> {
        self.text_of(name, self.required(name)?)
    }

    fn text_of(&self, name: &str, value: &Value) -> Option<String> {
        if let Value::String(text) = value {
            return Some(text.clone());
        }
        self.fault(name, "a string is expected");
        None
    }

    /// A whole number within bounds.
    pub(super) fn whole(&self, name: &'static str, low: u64, high: u64) -> Option<u64> {
        let value = self.take(name)?;
        let number = value.as_u64().filter(|n| (low..=high).contains(n));
        if number.is_none() {
            let message = format!("a whole number from {low} to {high} is expected");
            self.fault(name, message);
        }
        number
    }

    pub(super) fn flag(&self, name: &'static str) -> Option<bool> {
        let value = self.take(name)?.as_bool();
        if value.is_none() {
            self.fault(name, "a boolean is expected");
        }
        value
    }

    /// The items of a list with their paths; empty if the field is absent.
    pub(super) fn items(&self, name: &'static str) -> Vec<(String, &'a Value)> {
        let path = self.at(name);
        let at = |(i, item)| (format!("{path}/{i}"), item);
        match self.take(name) {
            None => Vec::new(),
            Some(Value::Array(items)) => items.iter().enumerate().map(at).collect(),
            Some(_) => {
                self.fault(name, "an array is expected");
                Vec::new()
            }
        }
    }

    /// What `read` makes of each object of a list, and whether it is the last; what it reads nothing of is a fault.
    pub(super) fn each<T>(
        &self,
        name: &'static str,
        read: impl Fn(&Self, bool) -> Option<T>,
    ) -> Vec<T> {
        let items = self.items(name);
        let count = items.len();
        let items = items.into_iter().enumerate();
        let made = items.filter_map(|(i, (path, value))| {
            let fields = Self::of(value, path, self.faults)?;
            let made = read(&fields, i + 1 == count);
            fields.finish();
            made
        });
        made.collect()
    }

    /// The fields of an object with their paths; empty if the field is absent.
    pub(super) fn entries(&self, name: &'static str) -> Vec<(&'a String, String, &'a Value)> {
        let path = self.at(name);
        let at = |(key, value)| (key, format!("{path}/{key}"), value);
        match self.take(name) {
            None => Vec::new(),
            Some(Value::Object(map)) => map.iter().map(at).collect(),
            Some(_) => {
                self.fault(name, "an object is expected");
                Vec::new()
            }
        }
    }

    /// A fault for each field that was not read.
    pub(super) fn finish(self) {
        let seen = self.seen.borrow();
        for name in self.map.keys().filter(|name| !seen.contains(name.as_str())) {
            self.fault(name, "this field is not implemented here");
        }
    }
}
