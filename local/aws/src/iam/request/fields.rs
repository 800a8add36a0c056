//! A request's fields, however the service writes them.

use crate::gateway::call::Call;
use crate::gateway::protocol::{Protocol, input};
use crate::iam::Tags;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The fields at the top of a request. What can't be read has none.
pub struct Fields(Map<String, Value>);

impl Fields {
    /// Reads a request's body.
    pub fn of(call: &Call) -> Self {
        let fields: Value = match Protocol::of(&call.service, &call.headers) {
            Protocol::Json(_) => serde_json::from_slice(&call.body).unwrap_or_default(),
            Protocol::Cbor => input(call).unwrap_or_default(),
            Protocol::Query => {
                let pairs = form_urlencoded::parse(&call.body).into_owned();
                pairs
                    .map(|(name, value)| (name, Value::from(value)))
                    .collect()
            }
            Protocol::RestJson | Protocol::RestXml => Value::Null,
        };
        match fields {
            Value::Object(fields) => Self(fields),
            _ => Self(Map::new()),
        }
    }

    /// A text, if it is there and not empty.
    pub fn text(&self, name: &str) -> Option<String> {
        let text = self.0.get(name)?.as_str()?;
        (!text.is_empty()).then(|| text.to_owned())
    }

    /// Whether a flag is there and set.
    pub fn flag(&self, name: &str) -> bool {
        self.0.get(name).and_then(Value::as_bool).unwrap_or(false)
    }

    /// All fields whose names begin so, with the rest of their names.
    pub fn under(&self, prefix: &str) -> impl Iterator<Item = (&str, &str)> {
        let fields = self.0.iter();
        fields.filter_map(move |(name, value)| Some((name.strip_prefix(prefix)?, value.as_str()?)))
    }

    /// `Tags.Tag.1.Key` and `Tags.Tag.1.Value`, or the same of `Tags.member.1`.
    pub fn tags(&self) -> Tags {
        let mut found: BTreeMap<&str, (&str, &str)> = BTreeMap::new();
        for (name, value) in self.under("Tags.") {
            let Some((item, part)) = name.rsplit_once('.') else {
                continue;
            };
            let tag = found.entry(item).or_default();
            match part {
                "Key" => tag.0 = value,
                "Value" => tag.1 = value,
                _ => {}
            }
        }
        let tags = found.into_values();
        tags.map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect()
    }
}
