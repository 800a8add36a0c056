//! Filters of the describing operations.

use super::Form;
use crate::fault::Fault;

/// All of them must match, each by one of its values.
#[derive(Debug)]
pub struct Filters(Vec<(String, Vec<String>)>);

impl Filters {
    /// Reads `Filters`; a name that the operation doesn't have is refused.
    pub fn read(form: &mut Form, known: &[&str]) -> Result<Self, Fault> {
        let mut filters = Vec::new();
        for mut filter in form.list("Filters") {
            let name = filter.required("Name")?;
            if !known.contains(&name.as_str()) {
                let message = format!("Unrecognized filter name: {name}");
                return Err(Fault::invalid_value(message));
            }
            filters.push((name, filter.texts("Values")));
        }
        Ok(Self(filters))
    }

    /// Whether something passes, given what it is under each filter's name.
    pub fn pass<'a>(&self, value: impl Fn(&str) -> Vec<&'a str>) -> bool {
        self.0.iter().all(|(name, wanted)| {
            let values = value(name);
            wanted
                .iter()
                .any(|wanted| values.contains(&wanted.as_str()))
        })
    }
}

/// Whether something is what a client asked for, if it did.
pub fn is(wanted: Option<&String>, found: &str) -> bool {
    wanted.is_none_or(|wanted| wanted == found)
}
