//! Calls from within the platform, as a client outside would make them: recorded, and met by faults.

use super::{Answer, Call, Caller, Gateway, protocol};
use anyhow::{Context as _, Result, bail};
use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderValue, Method, Uri, header};
use serde_json::Value;

/// Calls operations in the name of somebody.
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
        let mut headers = headers(service)?;
        headers.insert("x-amz-target", HeaderValue::from_str(target)?);
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/x-amz-json-1.1"),
        );
        let answer = self
            .send(service, Method::POST, "/", headers, body.to_string())
            .await?;
        Ok(serde_json::from_slice(answer.body())?)
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
        let mut headers = headers(service)?;
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/x-www-form-urlencoded"),
        );
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("Action", action)
            .extend_pairs(parameters)
            .finish();
        self.text(service, Method::POST, "/", headers, form).await
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
        self.text(service, method, path, headers(service)?, body.to_owned())
            .await
    }

    async fn text(
        &self,
        service: &str,
        method: Method,
        path: &str,
        headers: HeaderMap,
        body: String,
    ) -> Result<String> {
        let answer = self.send(service, method, path, headers, body).await?;
        Ok(String::from_utf8_lossy(answer.body()).into_owned())
    }

    async fn send(
        &self,
        service: &str,
        method: Method,
        path: &str,
        headers: HeaderMap,
        body: String,
    ) -> Result<Answer> {
        let (uri, body): (Uri, _) = (path.parse()?, Bytes::from(body));
        let operation = protocol::operation(service, &method, &uri, &headers, &body);
        let what = format!("{service} {operation}");
        let caller = self.caller.clone();
        let call = Call {
            caller,
            service: service.to_owned(),
            operation,
            method,
            uri,
            headers,
            body,
        };
        let answer = self
            .gateway
            .send(call)
            .await
            .with_context(|| what.clone())?;
        if !answer.status().is_success() {
            bail!(
                "{what}: {}: {}",
                protocol::error_code(&answer),
                String::from_utf8_lossy(answer.body())
            );
        }
        Ok(answer)
    }
}

/// A signature that nobody checks, but that names the service and the Region.
fn headers(service: &str) -> Result<HeaderMap> {
    let signature = format!(
        "AWS4-HMAC-SHA256 Credential=platform/20260101/{}/{service}/aws4_request, SignedHeaders=host, Signature=0",
        crate::REGION
    );
    let mut headers = HeaderMap::new();
    headers.insert(header::AUTHORIZATION, HeaderValue::from_str(&signature)?);
    Ok(headers)
}
