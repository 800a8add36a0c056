//! Calls from within the platform, as a client outside would make them: recorded, and met by faults.

use super::{Caller, Gateway, protocol};
use crate::REGION;
use anyhow::{Context as _, Result, ensure};
use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderValue, Method};
use serde_json::Value;

/// A service refused a call.
#[derive(Debug, thiserror::Error)]
#[error("{call}: {code}: {answer}")]
pub struct Refused {
    /// The service and the operation.
    pub call: String,
    /// The service's own error code.
    pub code: String,
    /// The whole answer.
    pub answer: String,
}

/// Calls operations in the name of one caller. A refusal is a [`Refused`].
#[derive(Clone)]
pub struct Client {
    gateway: Gateway,
    caller: Caller,
}

impl Client {
    /// A client whose calls are `caller`'s.
    #[must_use]
    pub fn new(gateway: Gateway, caller: Caller) -> Self {
        Self { gateway, caller }
    }

    /// Calls an operation of a JSON service, `DynamoDB_20120810.PutItem`, and reads its answer.
    ///
    /// # Errors
    /// When the call fails or no answer arrives.
    pub async fn json(&self, service: &str, target: &str, body: &Value) -> Result<Value> {
        let headers = [
            ("x-amz-target", target),
            ("content-type", "application/x-amz-json-1.1"),
        ];
        let body = body.to_string();
        let answer = self.send(service, Method::POST, "/", &headers, body);
        Ok(serde_json::from_slice(&answer.await?)?)
    }

    /// Calls an operation of a service of the query protocol, and returns the XML of its answer.
    ///
    /// # Errors
    /// When the call fails or no answer arrives.
    pub async fn query(
        &self,
        service: &str,
        action: &str,
        parameters: &[(&str, &str)],
    ) -> Result<String> {
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("Action", action)
            .extend_pairs(parameters)
            .finish();
        self.form(service, form).await
    }

    /// The same with the whole form, which names the action.
    pub(crate) async fn form(&self, service: &str, form: String) -> Result<String> {
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        let answer = self.send(service, Method::POST, "/", &headers, form);
        Ok(text(&answer.await?))
    }

    /// Calls an operation that has a path of its own, and returns the text of its answer.
    ///
    /// # Errors
    /// When the call fails or no answer arrives.
    pub async fn rest(
        &self,
        service: &str,
        method: Method,
        path: &str,
        body: &str,
    ) -> Result<String> {
        let answer = self.send(service, method, path, &[], body.to_owned());
        Ok(text(&answer.await?))
    }

    async fn send(
        &self,
        service: &str,
        method: Method,
        path: &str,
        headers: &[(&'static str, &str)],
        body: String,
    ) -> Result<Bytes> {
        // A signature that is not checked, but that names the service and the Region.
        let signature = format!(
            "AWS4-HMAC-SHA256 Credential=platform/20260101/{REGION}/{service}/aws4_request, SignedHeaders=host, Signature=0"
        );
        let mut signed = HeaderMap::new();
        for (name, value) in headers.iter().chain(&[("authorization", &*signature)]) {
            signed.insert(*name, HeaderValue::from_str(value)?);
        }
        let (caller, uri) = (self.caller.clone(), path.parse()?);
        let call = protocol::call(caller, service, method, uri, signed, body.into());
        let call_of = format!("{service} {}", call.operation);
        let sent = self.gateway.send(call).await;
        let answer = sent.with_context(|| call_of.clone())?;
        let refused = || Refused {
            call: call_of,
            code: protocol::error_code(&answer),
            answer: text(answer.body()),
        };
        ensure!(answer.status().is_success(), refused());
        Ok(answer.into_body())
    }
}

fn text(body: &[u8]) -> String {
    String::from_utf8_lossy(body).into_owned()
}
