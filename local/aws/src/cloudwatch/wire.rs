//! CBOR and JSON on the wire, JSON values inside.

use super::Refusal;
use crate::gateway::protocol::{self, Protocol, answer, error};
use crate::gateway::{Answer, Call};
use axum::http::{HeaderValue, StatusCode};
use ciborium::Value as Cbor;
use serde_json::Value;

/// The members whose type is a timestamp: tagged in CBOR, plain seconds in JSON.
const TIMESTAMPS: [&str; 5] = [
    "Timestamp",
    "Timestamps",
    "AlarmConfigurationUpdatedTimestamp",
    "StateUpdatedTimestamp",
    "StateTransitionedTimestamp",
];
const EPOCH_SECONDS: u64 = 1;

/// The input of a call.
pub fn input(call: &Call) -> Result<Value, Refusal> {
    protocol::input(call).map_err(|message| Refusal {
        code: "SerializationException",
        message,
    })
}

/// The answer to a call.
pub fn output(call: &Call, output: &Value) -> Answer {
    if Protocol::of(&call.service, &call.headers) != Protocol::Cbor {
        let kind = "application/x-amz-json-1.0";
        return answer(StatusCode::OK, kind, output.to_string());
    }
    let mut body = Vec::new();
    if let Err(why) = ciborium::into_writer(&to_cbor(output, false), &mut body) {
        let (status, code) = (StatusCode::INTERNAL_SERVER_ERROR, "InternalServiceFault");
        return error(call, status, code, &why.to_string());
    }
    let mut answer = answer(StatusCode::OK, "application/cbor", body);
    let protocol = HeaderValue::from_static("rpc-v2-cbor");
    answer.headers_mut().insert("smithy-protocol", protocol);
    answer
}

/// A refusal, with the code that clients of the older query protocol know.
pub fn refusal(call: &Call, refusal: &Refusal) -> Answer {
    let status = if refusal.code.starts_with("ResourceNotFound") {
        StatusCode::NOT_FOUND
    } else {
        StatusCode::BAD_REQUEST
    };
    let mut answer = error(call, status, refusal.code, &refusal.message);
    let query = format!("{};Sender", refusal.code.trim_end_matches("Exception"));
    if let Ok(query) = HeaderValue::from_str(&query) {
        answer.headers_mut().insert("x-amzn-query-error", query);
    }
    answer
}

fn to_cbor(value: &Value, timestamp: bool) -> Cbor {
    match value {
        Value::Null => Cbor::Null,
        Value::Bool(flag) => Cbor::Bool(*flag),
        Value::String(text) => Cbor::Text(text.clone()),
        Value::Number(number) if timestamp => {
            let seconds = Cbor::Float(number.as_f64().unwrap_or_default());
            Cbor::Tag(EPOCH_SECONDS, Box::new(seconds))
        }
        Value::Number(number) => number.as_i64().map_or_else(
            || Cbor::Float(number.as_f64().unwrap_or_default()),
            |number| Cbor::Integer(number.into()),
        ),
        Value::Array(items) => {
            Cbor::Array(items.iter().map(|item| to_cbor(item, timestamp)).collect())
        }
        Value::Object(entries) => {
            let entry = |(name, value): (&String, &Value)| {
                let timestamp = TIMESTAMPS.contains(&name.as_str());
                (Cbor::Text(name.clone()), to_cbor(value, timestamp))
            };
            Cbor::Map(entries.iter().map(entry).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::protocol::from_cbor;
    use serde_json::json;

    #[test]
    fn a_timestamp_is_tagged_and_a_number_keeps_its_type() {
        let value = json!({"Timestamp": 1.5, "Threshold": 5.0, "Period": 60, "Timestamps": [2.0]});
        let cbor = to_cbor(&value, false);
        assert_eq!(from_cbor(cbor.clone()), value);
        let entries = cbor.into_map().unwrap();
        let of = |name: &str| {
            let mut entries = entries.iter();
            let found = entries.find(|(key, _)| key.as_text() == Some(name));
            found.unwrap().1.clone()
        };
        assert!(
            of("Timestamp").is_tag() && of("Threshold").is_float() && of("Period").is_integer()
        );
        assert!(of("Timestamps").as_array().unwrap()[0].is_tag());
    }
}
