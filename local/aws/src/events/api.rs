//! `PutEvents`, with which any caller puts events on the bus.

use super::Events;
use crate::gateway::protocol::{answer, error};
use crate::gateway::{Answer, Call, Service};
use async_trait::async_trait;
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct PutEvents {
    entries: Vec<Entry>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Entry {
    source: String,
    detail_type: String,
    detail: String,
    #[serde(default)]
    resources: Vec<String>,
}

#[async_trait]
impl Service for Events {
    async fn call(&self, call: Call) -> Answer {
        let refuse =
            |code: &str, message: &str| error(&call, StatusCode::BAD_REQUEST, code, message);
        if call.operation != "PutEvents" {
            let message = "the local EventBridge has PutEvents only; rules come from the template";
            return refuse("UnknownOperationException", message);
        }
        match serde_json::from_slice::<PutEvents>(&call.body) {
            Ok(request) => {
                let results = request.entries.iter().map(|entry| self.put_entry(entry));
                let results: Vec<Value> = results.collect();
                let failed = results.iter().filter(|it| it["ErrorCode"].is_string());
                let body = json!({"FailedEntryCount": failed.count(), "Entries": results});
                let kind = "application/x-amz-json-1.1";
                answer(StatusCode::OK, kind, body.to_string())
            }
            Err(error) => refuse("ValidationException", &error.to_string()),
        }
    }
}

impl Events {
    fn put_entry(&self, entry: &Entry) -> Value {
        let refused =
            |code: &str, message: &str| json!({"ErrorCode": code, "ErrorMessage": message});
        if entry.source.starts_with("aws.") {
            let message = "Not authorized for the source.";
            return refused("NotAuthorizedForSourceException", message);
        }
        match serde_json::from_str::<Value>(&entry.detail) {
            Ok(detail) if detail.is_object() => {
                json!({"EventId": self.emit(&entry.source, &entry.detail_type, &entry.resources, &detail)})
            }
            _ => refused("MalformedDetail", "Detail is malformed."),
        }
    }
}
