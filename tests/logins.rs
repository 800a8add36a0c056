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
        let session = engine
            .connect_at(gate, &endpoint, "postgres", Access::AsServed)
            .await?;
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
    assert!(
        refused.to_string().contains("PAM authentication failed"),
        "{refused}"
    );
    assert_eq!(stand.gate.refusals(), ["it is no token"]);
    stand.host.keeper.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_is_not_the_servers_is_refused_by_us_before_anything_is_shown() -> Result<()> {
    let stand = Stand::new("iam-name").await?;
    let us = ours();
    let refused = stand.enter("writes.shop.test", "viridian", None, &us);
    let refused = refused.await.expect_err("a CNAME is in no certificate");
    assert!(
        refused.to_string().contains("not valid for name"),
        "{refused}"
    );
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
    let signature = right.rsplit_once('=').context("a signature")?.1;
    let tampered = right.replace(signature, &signature.chars().rev().collect::<String>());
    let cases = [
        (
            stand.token("writes.shop.test", user, &us).await?,
            format!("it is for writes.shop.test:{port}"),
        ),
        (other_user.clone(), "it is for the user master".to_owned()),
        (
            other_user.replace("DBUser=master", "DBUser=viridian"),
            "its signature is another".to_owned(),
        ),
        (tampered, "its signature is another".to_owned()),
        (
            right.replace("Expires=900", "Expires=9000"),
            "its X-Amz-Expires is not 900".to_owned(),
        ),
        (
            stand
                .token(host, user, &config(KEY, SECRET, REGION, late))
                .await?,
            "it has expired".to_owned(),
        ),
        (
            stand
                .token(host, user, &config(KEY, "another", REGION, now))
                .await?,
            "its signature is another".to_owned(),
        ),
        (
            stand
                .token(host, user, &config("AKIDNOBODY", SECRET, REGION, now))
                .await?,
            "nobody has its access key".to_owned(),
        ),
        (
            stand
                .token(host, user, &config(KEY, SECRET, "us-east-1", now))
                .await?,
            "it is signed for us-east-1/rds-db/aws4_request".to_owned(),
        ),
    ];
    for (token, why) in &cases {
        let refused = stand.enter(host, user, Some(token), &us).await;
        let refused = refused.expect_err(why);
        assert_eq!(refused.code(), Some("28000"), "{why}: {refused}");
        assert_eq!(stand.gate.refusals().last(), Some(why));
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
    let python = stand.host.toolchain.python();
    let said = std::process::Command::new(python)
        .args(["-c", &script])
        .output()?;
    ensure!(
        said.status.success(),
        "{}",
        String::from_utf8_lossy(&said.stderr)
    );
    let token = String::from_utf8(said.stdout)?;
    let entered = stand.enter("orders.test", "viridian", Some(token.trim()), &us);
    assert_eq!(entered.await?, "viridian", "{:?}", stand.gate.refusals());
    stand.host.keeper.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authority_that_nobody_named_is_refused_with_the_remedy() -> Result<()> {
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
    assert!(
        !refused.is_transient(),
        "waiting changes nothing: {refused}"
    );
    assert!(
        refused.to_string().contains("<region>-bundle.pem"),
        "{refused}"
    );
    stand.host.keeper.end().await
}
