//! The wire protocols of AWS: where an operation's name stands, and how a service words its errors.

use super::call::{Answer, Call, Caller};
use crate::xml;
use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderValue, Method, Response, StatusCode, Uri, header};
use ciborium::Value as Cbor;
use serde_json::{Map, Number, Value, json};
use std::borrow::Cow;

/// How a request is written, and so how its answer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// `X-Amz-Target: Service.Operation`, a JSON body of this version.
    Json(&'static str),
    /// A path per operation, JSON bodies.
    RestJson,
    /// A path per operation, XML bodies.
    RestXml,
    /// A form with `Action=`, answered in XML.
    Query,
    /// `Smithy-Protocol: rpc-v2-cbor`.
    Cbor,
}

impl Protocol {
    /// The protocol of a request.
    #[must_use]
    pub fn of(service: &str, headers: &HeaderMap) -> Self {
        let header = |name: &str| {
            headers
                .get(name)
                .and_then(|value| value.to_str().ok())
                .unwrap_or_default()
        };
        if header("smithy-protocol") == "rpc-v2-cbor" {
            Self::Cbor
        } else if headers.contains_key("x-amz-target") {
            Self::Json(if header("content-type").ends_with("1.1") {
                "1.1"
            } else {
                "1.0"
            })
        } else {
            match service {
                "route53" => Self::RestXml,
                "lambda" => Self::RestJson,
                _ => Self::Query,
            }
        }
    }

    fn content_type(self) -> &'static str {
        match self {
            Self::Json("1.1") => "application/x-amz-json-1.1",
            Self::Json(_) => "application/x-amz-json-1.0",
            Self::RestJson => "application/json",
            Self::RestXml | Self::Query => "text/xml",
            Self::Cbor => "application/cbor",
        }
    }
}

/// A request as the call that it is.
#[must_use]
pub fn call(
    caller: Caller,
    service: &str,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Call {
    Call {
        operation: operation(service, &method, &uri, &headers, &body),
        service: service.to_owned(),
        caller,
        method,
        uri,
        headers,
        body,
    }
}

/// The operation that a request asks for, `Unknown` if it can't be told.
fn operation(
    service: &str,
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
    body: &Bytes,
) -> String {
    let name = match Protocol::of(service, headers) {
        Protocol::Json(_) => headers
            .get("x-amz-target")
            .and_then(|target| target.to_str().ok())
            .and_then(|target| target.rsplit('.').next())
            .map(Cow::from),
        Protocol::Cbor => uri.path().rsplit('/').next().map(Cow::from),
        Protocol::Query => {
            action(body).or_else(|| action(uri.query().unwrap_or_default().as_bytes()))
        }
        Protocol::RestXml => route53(method, uri.path()).map(Cow::from),
        Protocol::RestJson => lambda(method, uri.path()).map(Cow::from),
    };
    name.map_or_else(|| "Unknown".to_owned(), Cow::into_owned)
}

fn action(form: &[u8]) -> Option<Cow<'_, str>> {
    let mut fields = form_urlencoded::parse(form);
    fields
        .find(|(name, _)| name == "Action")
        .map(|(_, value)| value)
}

fn route53(method: &Method, path: &str) -> Option<&'static str> {
    let parts: Vec<&str> = path.trim_matches('/').split('/').skip(1).collect();
    Some(match (method.as_str(), parts.as_slice()) {
        ("POST", ["hostedzone", _, "rrset"]) => "ChangeResourceRecordSets",
        ("GET", ["hostedzone", _, "rrset"]) => "ListResourceRecordSets",
        ("GET", ["change", _]) => "GetChange",
        ("POST", ["hostedzone"]) => "CreateHostedZone",
        ("GET", ["hostedzone"]) => "ListHostedZones",
        ("GET", ["hostedzonesbyname"]) => "ListHostedZonesByName",
        ("GET", ["hostedzone", _]) => "GetHostedZone",
        ("DELETE", ["hostedzone", _]) => "DeleteHostedZone",
        _ => return None,
    })
}

fn lambda(method: &Method, path: &str) -> Option<&'static str> {
    let parts: Vec<&str> = path.trim_matches('/').split('/').skip(1).collect();
    Some(match (method.as_str(), parts.as_slice()) {
        ("POST", ["functions", _, "invocations"]) => "Invoke",
        ("GET", ["functions", _]) => "GetFunction",
        ("GET", ["functions"]) => "ListFunctions",
        _ => return None,
    })
}

/// An answer with a body.
#[must_use]
pub fn answer(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(body.into());
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    if let Ok(id) = HeaderValue::from_str(&uuid::Uuid::new_v4().to_string()) {
        headers.insert("x-amzn-requestid", id);
    }
    answer
}

/// An error in the words of the service that was called.
#[must_use]
pub fn error(call: &Call, status: StatusCode, code: &str, message: &str) -> Answer {
    let protocol = Protocol::of(&call.service, &call.headers);
    let content_type = protocol.content_type();
    let body = match protocol {
        Protocol::Json(_) => Bytes::from(json!({"__type": code, "message": message}).to_string()),
        Protocol::RestJson => Bytes::from(json!({"Type": "User", "Message": message}).to_string()),
        Protocol::RestXml | Protocol::Query => Bytes::from(xml_error(status, code, message)),
        Protocol::Cbor => cbor_error(code, message),
    };
    let mut answer = answer(status, content_type, body);
    let headers = answer.headers_mut();
    if let Ok(code) = HeaderValue::from_str(code) {
        headers.insert("x-amzn-errortype", code);
    }
    if protocol == Protocol::Cbor {
        headers.insert("smithy-protocol", HeaderValue::from_static("rpc-v2-cbor"));
    }
    answer
}

fn xml_error(status: StatusCode, code: &str, message: &str) -> String {
    let kind = if status.is_server_error() {
        "Receiver"
    } else {
        "Sender"
    };
    let message = quick_xml::escape::escape(message);
    format!(
        "<ErrorResponse><Error><Type>{kind}</Type><Code>{code}</Code><Message>{message}</Message></Error>\
         <RequestId>{}</RequestId></ErrorResponse>",
        uuid::Uuid::new_v4()
    )
}

fn cbor_error(code: &str, message: &str) -> Bytes {
    let mut body = Vec::new();
    let error = json!({"__type": code, "message": message});
    match ciborium::into_writer(&error, &mut body) {
        Ok(()) => Bytes::from(body),
        Err(_) => Bytes::new(),
    }
}

/// The service's own throttling error.
#[must_use]
pub fn throttled(call: &Call) -> Answer {
    let (status, code) = match call.service.as_str() {
        "lambda" => (StatusCode::TOO_MANY_REQUESTS, "TooManyRequestsException"),
        "rds" | "route53" | "sns" | "monitoring" => (StatusCode::BAD_REQUEST, "Throttling"),
        _ => (StatusCode::BAD_REQUEST, "ThrottlingException"),
    };
    error(call, status, code, "Rate exceeded")
}

/// The service's own internal error.
#[must_use]
pub fn failed(call: &Call) -> Answer {
    let code = match call.service.as_str() {
        "lambda" => "ServiceException",
        "dynamodb" => "InternalServerError",
        _ => "InternalFailure",
    };
    error(
        call,
        StatusCode::INTERNAL_SERVER_ERROR,
        code,
        "The request processing has failed because of an unknown error.",
    )
}

/// The caller may not make this call.
#[must_use]
pub fn denied(call: &Call) -> Answer {
    let message = format!("{} may not call {}", call.caller, call.operation);
    not_authorized(call, &message)
}

/// The caller's policies don't allow this call, for this reason.
#[must_use]
pub fn not_authorized(call: &Call, why: &str) -> Answer {
    let code = match call.service.as_str() {
        "sns" => "AuthorizationError",
        "rds" | "route53" | "monitoring" => "AccessDenied",
        _ => "AccessDeniedException",
    };
    let status = match Protocol::of(&call.service, &call.headers) {
        Protocol::Json(_) => StatusCode::BAD_REQUEST,
        _ => StatusCode::FORBIDDEN,
    };
    error(call, status, code, why)
}

/// No such service is played here.
#[must_use]
pub fn unknown_service(call: &Call) -> Answer {
    let message = format!("no service `{}` on this platform", call.service);
    error(
        call,
        StatusCode::BAD_REQUEST,
        "UnrecognizedClientException",
        &message,
    )
}

/// The error code that an answer carries, for the log of calls.
#[must_use]
pub fn error_code(answer: &Answer) -> String {
    let header = answer
        .headers()
        .get("x-amzn-errortype")
        .and_then(|code| code.to_str().ok());
    if let Some(code) = header {
        return short(code);
    }
    let body = answer.body();
    if let Ok(value) = serde_json::from_slice::<Value>(body)
        && let Some(code) = value["__type"].as_str()
    {
        return short(code);
    }
    let text = std::str::from_utf8(body).unwrap_or_default();
    let code = xml::first(text, "Code");
    code.map_or_else(|| answer.status().to_string(), str::to_owned)
}

fn short(code: &str) -> String {
    let code = code.split(':').next().unwrap_or(code);
    code.rsplit('#').next().unwrap_or(code).to_owned()
}

/// The input of a call whose body is CBOR or JSON.
///
/// # Errors
///
/// Where it is neither.
pub fn input(call: &Call) -> Result<Value, String> {
    if call.body.is_empty() {
        return Ok(Value::Object(Map::new()));
    }
    match Protocol::of(&call.service, &call.headers) {
        Protocol::Cbor => {
            let value = ciborium::from_reader(call.body.as_ref());
            value.map(from_cbor).map_err(|error| error.to_string())
        }
        _ => serde_json::from_slice(&call.body).map_err(|error| error.to_string()),
    }
}

pub(crate) fn from_cbor(value: Cbor) -> Value {
    match value {
        Cbor::Integer(number) => {
            let number = i128::from(number);
            i64::try_from(number).map_or(Value::Null, Value::from)
        }
        Cbor::Float(number) => Number::from_f64(number).map_or(Value::Null, Value::Number),
        Cbor::Bool(flag) => Value::Bool(flag),
        Cbor::Text(text) => Value::String(text),
        Cbor::Tag(_, inner) => from_cbor(*inner),
        Cbor::Array(items) => Value::Array(items.into_iter().map(from_cbor).collect()),
        Cbor::Map(entries) => {
            let entry =
                |(name, value): (Cbor, Cbor)| Some((name.into_text().ok()?, from_cbor(value)));
            Value::Object(entries.into_iter().filter_map(entry).collect())
        }
        _ => Value::Null,
    }
}
