//! The gateway's listening socket: HTTP in, calls to services out.

use super::{Call, Caller, Gateway, Hangup, protocol};
use anyhow::{Context as _, Result};
use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Response, StatusCode, Uri, header};
use axum::serve::ListenerExt as _;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// A gateway that listens. Stops when dropped.
#[derive(Debug)]
pub struct Listening {
    _stop: oneshot::Sender<()>,
}

/// Serves all services on `listener`, and the Runtime API beside them.
///
/// # Errors
/// When the socket can't be used.
pub fn serve(
    listener: std::net::TcpListener,
    gateway: Gateway,
    runtime_api: Router<Gateway>,
) -> Result<Listening> {
    listener
        .set_nonblocking(true)
        .context("preparing the gateway's socket")?;
    let listener = TcpListener::from_std(listener)?.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "small packets will be delayed on a connection");
        }
    });
    let app = Router::new()
        .nest("/runtime", runtime_api)
        .fallback(aws)
        .with_state(gateway);
    let (stop, stopped) = oneshot::channel::<()>();
    tokio::spawn(async move {
        let serving = axum::serve(listener, app).with_graceful_shutdown(async {
            let _sender_gone = stopped.await;
        });
        if let Err(error) = serving.await {
            tracing::error!(%error, "the gateway stopped listening");
        }
    });
    Ok(Listening { _stop: stop })
}

/// One request of an AWS client.
async fn aws(State(gateway): State<Gateway>, request: Request) -> Response<Body> {
    match call_of(request).await {
        Ok(call) => answer(gateway, call).await,
        Err(refusal) => refusal,
    }
}

/// The call goes on to its end whether or not the client waits for it, as in AWS.
async fn answer(gateway: Gateway, call: Call) -> Response<Body> {
    let work = tokio::spawn(async move { gateway.send(call).await });
    match work.await {
        Ok(Ok(answer)) => answer.map(Body::from),
        Ok(Err(hangup)) => hang_up(hangup),
        Err(error) => {
            tracing::error!(%error, "a service of the platform panicked");
            plain(
                StatusCode::INTERNAL_SERVER_ERROR,
                "a service of the platform panicked",
            )
        }
    }
}

/// A body that fails before its first byte makes the server close the connection without an answer.
fn hang_up(hangup: Hangup) -> Response<Body> {
    Response::new(Body::from_stream(futures_util::stream::once(async move {
        Err::<Bytes, Hangup>(hangup)
    })))
}

async fn call_of(request: Request) -> Result<Call, Response<Body>> {
    let (parts, body) = request.into_parts();
    let Some(scope) = Scope::of(&parts.headers, &parts.uri) else {
        return Err(plain(
            StatusCode::FORBIDDEN,
            "Viridian's local AWS. Requests are signed as for AWS, with any key: point AWS_ENDPOINT_URL here.\n",
        ));
    };
    let body = to_bytes(body, usize::MAX)
        .await
        .map_err(|error| plain(StatusCode::BAD_REQUEST, &error.to_string()))?;
    let (method, uri, headers) = (parts.method, parts.uri, parts.headers);
    let Scope { caller, service } = scope;
    Ok(protocol::call(caller, &service, method, uri, headers, body))
}

fn plain(status: StatusCode, text: &str) -> Response<Body> {
    let mut response = Response::new(Body::from(text.to_owned()));
    *response.status_mut() = status;
    response
}

/// What a signature tells without being checked: whose key it is, and for which service.
#[derive(Debug, PartialEq, Eq)]
struct Scope {
    caller: Caller,
    service: String,
}

impl Scope {
    fn of(headers: &HeaderMap, uri: &Uri) -> Option<Self> {
        let header = headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok());
        let credential = header
            .and_then(|text| after(text, "Credential=", ','))
            .map(str::to_owned)
            .or_else(|| {
                after(uri.query()?, "X-Amz-Credential=", '&').map(|text| text.replace("%2F", "/"))
            })?;
        let mut parts = credential.split('/');
        let key = parts.next()?;
        let service = parts.nth(2)?.to_owned();
        let caller = key
            .strip_prefix("function-")
            .map_or(Caller::Person, |name| Caller::Function(name.to_owned()));
        Some(Self { caller, service })
    }
}

fn after<'a>(text: &'a str, label: &str, end: char) -> Option<&'a str> {
    let (_, rest) = text.split_once(label)?;
    rest.split(end).next()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn a_signature_tells_caller_and_service() {
        let mut headers = HeaderMap::new();
        let signature = "AWS4-HMAC-SHA256 Credential=function-plan/20260101/eu-west-1/monitoring/aws4_request, SignedHeaders=host, Signature=0";
        headers.insert(header::AUTHORIZATION, HeaderValue::from_static(signature));
        let expected = Scope {
            caller: Caller::Function("plan".to_owned()),
            service: "monitoring".to_owned(),
        };
        assert_eq!(Scope::of(&headers, &Uri::from_static("/")), Some(expected));
        assert_eq!(Scope::of(&HeaderMap::new(), &Uri::from_static("/")), None);
    }
}
