//! Logging in by IAM: our own connector before the gate, which looks at a token as RDS does.

use anyhow::{Context as _, Result, ensure};
use aws_config::{Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_rds::auth_token::{AuthTokenGenerator, Config};
use aws_smithy_async::time::StaticTimeSource;
use local_aws::REGION;
use local_rds::postgres::gate::{Gate, Iam};
use local_rds::postgres::{Host, Server, ServerSpec, roles};
use ports::{Access, Endpoint, Engine as _, Error};
use postgres::{Login, Postgres};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tests::says;

const KEY: &str = "AKIDFUNCTION";
const SECRET: &str = "the/function's+own";

/// The credentials and the Region of a function, at a time.
fn config(key: &str, secret: &str, region: &'static str, at: SystemTime) -> SdkConfig {
    let session = Some("a/session+token==".to_owned());
    let credentials = Credentials::new(key, secret, session, None, "test");
    SdkConfig::builder()
        .region(Region::new(region))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .time_source(StaticTimeSource::new(at))
        .build()
}

fn ours() -> SdkConfig {
    config(KEY, SECRET, REGION, SystemTime::now())
}

/// A server behind its gate, with `viridian` in `rds_iam`.
struct Stand {
    host: Host,
    server: Server,
    gate: Gate,
}

impl Stand {
    async fn new(name: &str) -> Result<Self> {
        let host = Host::alone(&tests::run_folder(name))?;
        let spec = ServerSpec {
            id: "orders".to_owned(),
            version: "18.4".to_owned(),
            names: vec!["orders.test".to_owned()],
            ..ServerSpec::default()
        };
        let server = host.create(spec).await?;
        let admin = server.admin("postgres").await?;
        roles::create_master(&admin, "viridian", "secret").await?;
        roles::create_master(&admin, "master", "secret").await?;
        admin.batch_execute("GRANT rds_iam TO viridian").await?;
        let iam = Iam::new([(KEY.to_owned(), SECRET.to_owned())].into());
        let gate = Gate::open(&server, Arc::new(iam))?;
        Ok(Self { host, server, gate })
    }

    fn endpoint(&self, host: &str) -> Endpoint {
        Endpoint::new(host, self.server.address().port())
    }

    /// Logs in at the gate under a name; as whom, or the refusal.
    async fn enter(
        &self,
        host: &str,
        user: &str,
        password: Option<&str>,
        sdk: &SdkConfig,
    ) -> Result<String, Error> {
        let login = Login {
            username: user.to_owned(),
            password: password.map(str::to_owned),
            ca: Some(self.host.authority.ca_pem().to_owned()),
            replication: None,
        };
        let engine = Postgres::new(login, aws::Network::new(None, sdk)?)?;
        let gate = (*self.gate.address().ip()).into();
        let endpoint = self.endpoint(host);
        let session = engine.connect_at(gate, &endpoint, "postgres", Access::AsServed);
        let session = session.await?;
        let row = session.query_one("select current_user::text", &[]).await;
        Ok(row.expect("it may ask who it is").get(0))
    }

    async fn token(&self, host: &str, user: &str, aws: &SdkConfig) -> Result<String> {
        let config = Config::builder().hostname(host).username(user);
        let config = config.port(self.server.address().port().into()).build();
        let generator = AuthTokenGenerator::new(config.map_err(anyhow::Error::from_boxed)?);
        let token = generator.auth_token(aws).await;
        Ok(token.map_err(anyhow::Error::from_boxed)?.to_string())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_our_own_gets_in_where_no_password_does() -> Result<()> {
    let stand = Stand::new("iam").await?;
    let us = ours();
    let entered = stand.enter("orders.test", "viridian", None, &us).await;
    assert_eq!(entered?, "viridian");
    let entered = stand.enter("orders.test", "master", Some("secret"), &us);
    assert_eq!(entered.await?, "master", "others log in as ever");

    let password = stand.enter("orders.test", "viridian", Some("secret"), &us);
    let refused = password.await.expect_err("it is a member of rds_iam");
    assert_eq!(refused.code(), Some("28000"), "{refused}");
    says(&refused.to_string(), &["PAM authentication failed"]);
    assert_eq!(stand.gate.refusals(), ["it is no token"]);
    stand.host.keeper.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_is_not_the_servers_is_refused_by_us_before_anything_is_shown() -> Result<()> {
    let stand = Stand::new("iam-name").await?;
    let us = ours();
    let refused = stand.enter("writes.shop.test", "viridian", None, &us);
    let refused = refused.await.expect_err("a CNAME is in no certificate");
    says(&refused.to_string(), &["not valid for name"]);
    assert!(stand.gate.refusals().is_empty());

    stand.server.set_names(&["renamed.test".to_owned()]).await?;
    let entered = stand.enter("renamed.test", "viridian", None, &us).await;
    assert_eq!(entered?, "viridian", "a token is made for each connection");
    stand.host.keeper.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_for_anything_else_is_refused() -> Result<()> {
    let stand = Stand::new("iam-tokens").await?;
    let us = ours();
    let (host, user, now) = ("orders.test", "viridian", SystemTime::now());
    let late = now - Duration::from_mins(16);
    let right = stand.token(host, user, &us).await?;
    let port = stand.server.address().port();
    let other_user = stand.token(host, "master", &us).await?;
    let other_host = stand.token("writes.shop.test", user, &us).await?;
    let signed = async |key: &str, secret: &str, region, at| {
        let signer = config(key, secret, region, at);
        stand.token(host, user, &signer).await
    };
    let signature = right.rsplit_once('=').context("a signature")?.1;
    let tampered = right.replace(signature, &signature.chars().rev().collect::<String>());
    let renamed = other_user.replace("DBUser=master", "DBUser=viridian");
    let longer = right.replace("Expires=900", "Expires=9000");
    let cases = [
        (&*format!("it is for writes.shop.test:{port}"), other_host),
        ("it is for the user master", other_user),
        ("its signature is another", renamed),
        ("its signature is another", tampered),
        ("its X-Amz-Expires is not 900", longer),
        ("it has expired", signed(KEY, SECRET, REGION, late).await?),
        (
            "its signature is another",
            signed(KEY, "another", REGION, now).await?,
        ),
        (
            "its access key is unknown",
            signed("AKIDUNKNOWN", SECRET, REGION, now).await?,
        ),
        (
            "it is signed for us-east-1/rds-db/aws4_request",
            signed(KEY, SECRET, "us-east-1", now).await?,
        ),
    ];
    for (why, token) in &cases {
        let refused = stand.enter(host, user, Some(token), &us).await;
        let refused = refused.expect_err(why);
        assert_eq!(refused.code(), Some("28000"), "{why}: {refused}");
        assert_eq!(stand.gate.refusals().last().map(String::as_str), Some(*why));
    }
    assert_eq!(stand.gate.refusals().len(), cases.len());
    assert_eq!(stand.enter(host, user, Some(&right), &us).await?, user);
    stand.host.keeper.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_gate_takes_the_tokens_of_another_sdk_too() -> Result<()> {
    let stand = Stand::new("iam-boto3").await?;
    let us = ours();
    let script = format!(
        "import boto3; print(boto3.client('rds', region_name='{REGION}', aws_access_key_id='{KEY}', \
         aws_secret_access_key=\"{SECRET}\", aws_session_token='a/b+c==').generate_db_auth_token('orders.test', {}, 'viridian'))",
        stand.server.address().port()
    );
    let mut python = std::process::Command::new(stand.host.toolchain.python());
    let said = python.args(["-c", &script]).output()?;
    let wrong = String::from_utf8_lossy(&said.stderr);
    ensure!(said.status.success(), "{wrong}");
    let token = String::from_utf8(said.stdout)?;
    let entered = stand.enter("orders.test", "viridian", Some(token.trim()), &us);
    assert_eq!(entered.await?, "viridian", "{:?}", stand.gate.refusals());
    stand.host.keeper.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authority_that_the_login_does_not_name_is_refused_with_the_remedy() -> Result<()> {
    let stand = Stand::new("iam-ca").await?;
    let us = ours();
    let other = local_aws::tls::Authority::create()?;
    let login = Login {
        username: "viridian".to_owned(),
        password: None,
        ca: Some(other.ca_pem().to_owned()),
        replication: None,
    };
    let engine = Postgres::new(login, aws::Network::new(None, &us)?)?;
    let at = (*stand.server.address().ip()).into();
    let endpoint = stand.endpoint("orders.test");
    let entered = engine.connect_at(at, &endpoint, "postgres", Access::AsServed);
    let refused = entered.await.err().context("an unknown authority")?;
    let waits = refused.is_transient();
    assert!(!waits, "waiting changes nothing: {refused}");
    says(&refused.to_string(), &["<region>-bundle.pem"]);
    stand.host.keeper.end().await
}
