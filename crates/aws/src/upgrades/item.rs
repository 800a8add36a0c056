//! An upgrade's record as an item of the table. What conditions compare stands by itself; the rest of the record is one JSON
//! text.

use crate::error::{acted, looked};
use aws_sdk_dynamodb::types::AttributeValue;
use domain::record::Record;
use ports::{Error, Item};
use serde_json::{Map, Value, json};
use std::collections::{BTreeSet, HashMap};
use std::fmt::Display;

pub(super) const DATABASE: &str = "database";
const OWNER: &str = "owner";
const EPOCH: &str = "epoch";
const PHASE: &str = "phase";
const RECORD: &str = "record";
const REQUEST_IDS: &str = "request_ids";
const LEASE_HOLDER: &str = "lease_holder";
const LEASE_STEP: &str = "lease_step";
const LEASE_UNTIL: &str = "lease_until";

/// The fields of a record that are attributes of their own.
const APART: [&str; 3] = ["ticket", "phase", "lease"];

/// Puts the record together again.
pub(super) fn read(attributes: &HashMap<String, AttributeValue>) -> Result<Item, Error> {
    let text = |name: &str| {
        let value = attributes.get(name).and_then(|value| value.as_s().ok());
        value.map(String::as_str).unwrap_or_default()
    };
    let number = |name: &str| {
        let value = attributes.get(name).and_then(|value| value.as_n().ok());
        value.and_then(|digits| digits.parse::<i64>().ok())
    };
    let mut record: Map<String, Value> =
        serde_json::from_str(text(RECORD)).map_err(looked("reading the upgrade's record"))?;
    record.insert(
        "ticket".into(),
        json!({"database": text(DATABASE), "owner": text(OWNER), "epoch": number(EPOCH)}),
    );
    record.insert("phase".into(), json!(text(PHASE)));
    let lease = attributes.get(LEASE_HOLDER).map(|_| {
        json!({"holder": text(LEASE_HOLDER), "step": text(LEASE_STEP), "until": number(LEASE_UNTIL)})
    });
    record.insert("lease".into(), json!(lease));
    let ids = attributes.get(REQUEST_IDS).and_then(|ids| ids.as_ss().ok());
    Ok(Item {
        record: serde_json::from_value(Value::Object(record))
            .map_err(looked("reading the upgrade's record"))?,
        request_ids: ids.into_iter().flatten().cloned().collect(),
        stored: text(RECORD).to_owned(),
    })
}

/// The record without what stands by itself.
pub(super) fn rest(record: &Record) -> Result<String, Error> {
    let mut whole = serde_json::to_value(record).map_err(acted("writing the upgrade's record"))?;
    if let Some(fields) = whole.as_object_mut() {
        fields.retain(|name, _| !APART.contains(&name.as_str()));
    }
    Ok(whole.to_string())
}

pub(super) fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

pub(super) fn number(number: impl Display) -> AttributeValue {
    AttributeValue::N(format!("{number}"))
}

/// A set, in which DynamoDB allows nothing twice.
pub(super) fn texts<const N: usize>(texts: [&str; N]) -> AttributeValue {
    let once = BTreeSet::from(texts.map(str::to_owned));
    AttributeValue::Ss(once.into_iter().collect())
}
