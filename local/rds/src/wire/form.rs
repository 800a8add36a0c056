//! Requests of the query protocol: a form whose lists and structures are spelled out as `Tags.Tag.1.Key`.

use super::{Filters, Paging};
use crate::fault::Fault;
use crate::names;
use std::collections::BTreeMap;
use std::str::FromStr;

/// A request's fields. What was read is gone, so that what was not read can be named.
#[derive(Debug, Default)]
pub struct Form {
    fields: BTreeMap<String, String>,
}

impl Form {
    /// Decodes a request's body.
    pub fn parse(body: &[u8]) -> Self {
        let mut form = Self {
            fields: form_urlencoded::parse(body).into_owned().collect(),
        };
        form.ignore(&["Action", "Version"]);
        form
    }

    /// Ends the reading of a request; an unknown parameter is refused by name, not ignored.
    pub fn end(self) -> Result<(), Fault> {
        match self.fields.first_key_value() {
            None => Ok(()),
            Some((unknown, _)) => Err(Fault::invalid_value(format!(
                "The parameter {unknown} isn't implemented by this local RDS."
            ))),
        }
    }

    /// Ends the reading of a request that describes a list: by which filters, of those that there are, and which part of it.
    pub fn listing(mut self, filters: &[&str]) -> Result<(Filters, Paging), Fault> {
        let filters = Filters::read(&mut self, filters)?;
        let paging = Paging::read(&mut self)?;
        self.end()?;
        Ok((filters, paging))
    }

    /// A text that may be missing.
    pub fn text(&mut self, name: &str) -> Option<String> {
        self.fields.remove(name)
    }

    /// A text without which the request makes no sense.
    pub fn required(&mut self, name: &str) -> Result<String, Fault> {
        self.text(name).ok_or_else(|| {
            let message = format!("The request must contain the parameter {name}.");
            Fault::new("MissingParameter", message)
        })
    }

    /// The instance that the request is about.
    pub fn instance(&mut self) -> Result<String, Fault> {
        names::instance_name(&self.required("DBInstanceIdentifier")?)
    }

    /// The name of a new instance.
    pub fn new_instance(&mut self) -> Result<String, Fault> {
        names::check_instance_name(&self.required("DBInstanceIdentifier")?)
    }

    /// Tags.
    pub fn tags(&mut self) -> Result<BTreeMap<String, String>, Fault> {
        let tags = self.list("Tags").into_iter();
        tags.map(|mut tag| Ok((tag.required("Key")?, tag.text("Value").unwrap_or_default())))
            .collect()
    }

    /// Anything that is written as one word: a number, `true`, an instant.
    pub fn parsed<T: FromStr>(&mut self, name: &str) -> Result<Option<T>, Fault> {
        let parse = |text: String| {
            text.parse().map_err(|_| {
                Fault::invalid_value(format!("Invalid value `{text}` for the parameter {name}."))
            })
        };
        self.text(name).map(parse).transpose()
    }

    /// `true` or `false`; false if missing.
    pub fn flag(&mut self, name: &str) -> Result<bool, Fault> {
        Ok(self.parsed(name)?.unwrap_or_default())
    }

    /// Parameters that change nothing that could be seen here.
    pub fn ignore(&mut self, names: &[&str]) {
        for name in names {
            self.fields.remove(*name);
        }
    }

    /// A list of structures, whatever its items are called on the wire.
    pub fn list(&mut self, name: &str) -> Vec<Form> {
        let mut items: BTreeMap<usize, Form> = BTreeMap::new();
        self.fields.retain(|field, value| match item(field, name) {
            None => true,
            Some((index, rest)) => {
                let item = items.entry(index).or_default();
                item.fields.insert(rest.to_owned(), std::mem::take(value));
                false
            }
        });
        items.into_values().collect()
    }

    /// A list of texts.
    pub fn texts(&mut self, name: &str) -> Vec<String> {
        let items = self.list(name).into_iter();
        items.filter_map(|mut item| item.text("")).collect()
    }
}

/// `Tags.Tag.1.Key` as an item of `Tags`: 1 and `Key`.
fn item<'a>(field: &'a str, list: &str) -> Option<(usize, &'a str)> {
    let rest = field.strip_prefix(list)?.strip_prefix('.')?;
    let (_, rest) = rest.split_once('.')?;
    let (index, rest) = rest.split_once('.').unwrap_or((rest, ""));
    Some((index.parse().ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_in_their_order_whatever_their_items_are_called() {
        let mut form = Form::parse(
            b"Action=X&Tags.Tag.2.Key=b&Tags.Tag.10.Key=c&Tags.Tag.1.Key=a%20%26&TagKeys.member.1=k+v",
        );
        let mut tags = form.list("Tags");
        let tags: Vec<_> = tags.iter_mut().map(|tag| tag.text("Key")).collect();
        assert_eq!(tags, ["a &", "b", "c"].map(|key| Some(key.to_owned())));
        assert_eq!(form.texts("TagKeys"), ["k v"]);
    }

    #[test]
    fn an_unknown_parameter_is_refused_by_name() {
        let refused = Form::parse(b"Action=X&Version=1&Wat=1").end();
        assert!(refused.err().unwrap().message.contains("Wat"));
    }
}
