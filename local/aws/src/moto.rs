//! `moto` plays DynamoDB, Elastic Load Balancing, SNS, Route 53, Secrets Manager, Systems Manager and SQS. The nameserver follows what Route 53 holds.

use crate::dns::{Nameserver, records_of};
use crate::gateway::{Answer, Call, Service, protocol};
use crate::keeper::Keeper;
use crate::process::{Child, Command};
use crate::toolchain::Toolchain;
use crate::xml;
use anyhow::{Context as _, Result, bail};
use async_trait::async_trait;
use axum::body::Bytes;
use axum::http::{HeaderMap, Method, Response, StatusCode, header};
use std::net::SocketAddrV4;
use std::time::Duration;

/// The services that it plays by itself; Route 53 is [`Route53`].
pub const SERVICES: [&str; 7] = [
    "dynamodb",
    "ec2",
    "elasticloadbalancing",
    "secretsmanager",
    "sns",
    "sqs",
    "ssm",
];

/// How long it may take to start on a busy machine.
const START_LIMIT: Duration = Duration::from_mins(1);

/// What belongs to a connection and not to a call.
const OF_THE_CONNECTION: [header::HeaderName; 4] = [
    header::HOST,
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
];

/// The server `moto_server`. Clones are the same one.
#[derive(Debug, Clone)]
pub struct Moto {
    base: String,
    http: reqwest::Client,
    child: Child,
}

impl Moto {
    /// Starts it, and returns when it answers.
    ///
    /// # Errors
    /// When it can't be started or doesn't answer.
    pub async fn start(
        toolchain: &Toolchain,
        keeper: &Keeper,
        address: SocketAddrV4,
    ) -> Result<Self> {
        let (ip, port) = (address.ip().to_string(), address.port().to_string());
        let command = Command::new(toolchain.python())
            .named("moto")
            .args(["-m", "moto.server", "-H", &ip, "-p", &port])
            .clean_environment()
            .env("MOTO_ACCOUNT_ID", crate::ACCOUNT);
        let child = keeper.spawn(command).await.context("starting moto")?;
        let http = reqwest::Client::builder()
            .no_proxy()
            .pool_max_idle_per_host(0)
            .build()?;
        let moto = Self {
            base: format!("http://{address}"),
            http,
            child,
        };
        moto.wait_until_it_answers().await?;
        Ok(moto)
    }

    /// Lets it forget everything.
    ///
    /// # Errors
    /// When it doesn't answer.
    pub async fn reset(&self) -> Result<()> {
        let reset = format!("{}/moto-api/reset", self.base);
        self.http.post(&reset).send().await?.error_for_status()?;
        Ok(())
    }

    async fn wait_until_it_answers(&self) -> Result<()> {
        let health = format!("{}/moto-api/data.json", self.base);
        let answers = async {
            while self.http.get(&health).send().await.is_err() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        let log = self.child.log().display();
        tokio::select! {
            () = answers => Ok(()),
            status = self.child.end() => bail!("moto ended while it started ({}), see {log}", status?),
            () = tokio::time::sleep(START_LIMIT) => bail!("moto did not answer within {} s, see {log}", START_LIMIT.as_secs()),
        }
    }

    async fn forward(
        &self,
        method: Method,
        path: &str,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Answer> {
        let url = format!("{}{path}", self.base);
        let answer = self
            .http
            .request(method, url)
            .headers(without_connection(headers))
            .body(body)
            .send()
            .await?;
        let mut response = Response::new(Bytes::new());
        *response.status_mut() = answer.status();
        *response.headers_mut() = without_connection(answer.headers().clone());
        *response.body_mut() = answer.bytes().await?;
        Ok(response)
    }
}

#[async_trait]
impl Service for Moto {
    async fn call(&self, call: Call) -> Answer {
        let path = call.uri.path_and_query().map_or("/", |path| path.as_str());
        let forwarded = self.forward(
            call.method.clone(),
            path,
            call.headers.clone(),
            call.body.clone(),
        );
        forwarded.await.unwrap_or_else(|why| {
            let error = format!("{why:#}");
            tracing::error!(error, service = call.service, "moto did not answer");
            let (status, code) = (StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailable");
            protocol::error(&call, status, code, &format!("moto did not answer: {why}"))
        })
    }
}

fn without_connection(mut headers: HeaderMap) -> HeaderMap {
    for name in OF_THE_CONNECTION {
        headers.remove(name);
    }
    headers
}

/// Route 53: moto holds the records, and the nameserver answers with them as soon as they are accepted.
#[derive(Debug)]
pub struct Route53 {
    moto: Moto,
    names: Nameserver,
    /// One change at a time, so that the nameserver never goes back to an older one.
    changing: tokio::sync::Mutex<()>,
}

impl Route53 {
    /// Route 53 whose zones `names` answers for.
    #[must_use]
    pub fn new(moto: Moto, names: Nameserver) -> Self {
        Self {
            moto,
            names,
            changing: tokio::sync::Mutex::default(),
        }
    }

    async fn publish(&self, zone: &str, headers: &HeaderMap) -> Result<()> {
        let path = format!("/2013-04-01/hostedzone/{zone}");
        let get = async |path: &str| {
            let answer = self
                .moto
                .forward(Method::GET, path, headers.clone(), Bytes::new())
                .await?;
            anyhow::ensure!(answer.status().is_success(), "{path}: {}", answer.status());
            anyhow::Ok(String::from_utf8_lossy(answer.body()).into_owned())
        };
        let described = get(&path).await?;
        let name = xml::first(&described, "Name").context("a zone without a name")?;
        let records = records_of(&get(&format!("{path}/rrset")).await?)?;
        self.names.load(name, records);
        Ok(())
    }
}

#[async_trait]
impl Service for Route53 {
    async fn call(&self, call: Call) -> Answer {
        if !matches!(
            call.operation.as_str(),
            "ChangeResourceRecordSets" | "CreateHostedZone"
        ) {
            return self.moto.call(call).await;
        }
        let _alone = self.changing.lock().await;
        let answer = self.moto.call(call.clone()).await;
        if answer.status().is_success() {
            let (zone, headers) = (zone_of(&call, &answer), authorization(&call));
            if let Err(why) = self.publish(&zone, &headers).await {
                let error = format!("{why:#}");
                tracing::error!(error, "the nameserver did not learn of a change");
            }
        }
        if call.operation == "ChangeResourceRecordSets" {
            return pending(answer);
        }
        answer
    }
}

/// Route 53 answers a change at once, and has it on every nameserver only later; a caller that wants to know asks again.
fn pending(answer: Answer) -> Answer {
    let (head, body) = answer.into_parts();
    let told = String::from_utf8_lossy(&body)
        .replace("<Status>INSYNC</Status>", "<Status>PENDING</Status>");
    Answer::from_parts(head, told.into())
}

/// The zone's id: in the path, or of a new one in the answer.
fn zone_of(call: &Call, answer: &Answer) -> String {
    let told = String::from_utf8_lossy(answer.body()).into_owned();
    let mut parts = call.uri.path().split('/');
    let in_path = parts.find(|part| *part == "hostedzone");
    let id = in_path.and(parts.next()).filter(|id| !id.is_empty());
    let id = id.or_else(|| xml::first(&told, "Id")).unwrap_or_default();
    id.rsplit('/').next().unwrap_or_default().to_owned()
}

fn authorization(call: &Call) -> HeaderMap {
    let kept = call.headers.get(header::AUTHORIZATION).cloned();
    let kept = kept.map(|value| (header::AUTHORIZATION, value));
    kept.into_iter().collect()
}
