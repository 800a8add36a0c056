//! A request's fields, however the service writes them.

use crate::gateway::call::Call;
use crate::gateway::protocol::{Protocol, input};
use serde_json::{Map, Value};

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
}
