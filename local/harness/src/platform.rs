//! Everything together: what a run needs of AWS, brought up in order and stopped in order.

mod resources;
mod services;

use anyhow::Result;
use local_aws::REGION;
use local_aws::calls::CallLog;
use local_aws::clock::Clock;
use local_aws::cloudwatch::CloudWatch;
use local_aws::dns::{self, Nameserver};
use local_aws::events::Events;
use local_aws::faults::Faults;
use local_aws::gateway::client::Client;
use local_aws::gateway::server::{self, Listening};
use local_aws::gateway::{Caller, Gateway};
use local_aws::iam;
use local_aws::keeper::Keeper;
use local_aws::lambda::{Function, Lambda, SECRET_KEY};
use local_aws::moto::{self, Moto, Route53};
use local_aws::network::Network;
use local_aws::states::States;
use local_aws::template::{Schedule, Template};
use local_aws::tls::Authority;
use local_aws::toolchain::{Toolchain, workspace};
use local_rds::postgres::Host;
use local_rds::{DelayProfile, Rds};
use serde_json::json;
use services::Services;
use std::collections::BTreeMap;
use std::net::SocketAddrV4;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

/// What can be chosen about a platform.
#[derive(Debug, Clone)]
pub struct Options {
    /// The run's folder, `.local/runs/<id>`.
    pub folder: PathBuf,
    /// How fast waits pass.
    pub clock: Clock,
    /// The stack's template.
    pub template: PathBuf,
    /// Parameters of the template that differ from its defaults.
    pub parameters: BTreeMap<String, String>,
    /// The folder with the functions' compiled binaries.
    pub binaries: PathBuf,
    /// The customer's zone in Route 53.
    pub zone: String,
    /// How long RDS takes for what PostgreSQL does at once.
    pub delays: DelayProfile,
    /// Whether the template's schedules are kept.
    pub schedules: bool,
    /// Timeouts of functions that differ from the template's, by name.
    pub timeouts: BTreeMap<String, Duration>,
    /// Functions beside the template's.
    pub beside: Vec<Function>,
    /// A moto that runs already and holds nothing, instead of one of its own.
    pub moto: Option<Moto>,
    /// The folder that keeps, beyond the run, which permissions it used.
    pub privileges: PathBuf,
}

impl Options {
    /// A platform for a run in `folder`, with everything else as usual.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            clock: Clock::REAL,
            template: workspace().join("infra/template.yaml"),
            parameters: BTreeMap::new(),
            binaries: binaries(),
            zone: "shop.test".to_owned(),
            delays: DelayProfile::QUICK,
            schedules: true,
            timeouts: BTreeMap::new(),
            beside: Vec::new(),
            moto: None,
            privileges: iam::folder(),
        }
    }
}

/// The folder of the functions' binaries: that of this program, or for a test the one above its own.
#[must_use]
pub fn binaries() -> PathBuf {
    let this = std::env::current_exe().unwrap_or_default();
    let folder = this.parent().map(PathBuf::from).unwrap_or_default();
    if folder.ends_with("deps") {
        return folder.parent().map(PathBuf::from).unwrap_or_default();
    }
    folder
}

/// AWS on this machine, running.
pub struct Platform {
    /// The template, resolved.
    pub template: Template,
    /// The one endpoint.
    pub gateway: Gateway,
    /// The functions.
    pub lambda: Lambda,
    /// The state machines.
    pub states: States,
    /// The event bus.
    pub events: Events,
    /// The databases.
    pub rds: Rds,
    /// Metrics and alarms.
    pub cloudwatch: CloudWatch,
    /// The names.
    pub nameserver: Nameserver,
    /// Where PostgreSQL servers stand.
    pub host: Host,
    /// The id of the customer's zone.
    pub zone_id: String,
    /// Where all services answer.
    pub endpoint: String,
    /// Where names are answered, by UDP and TCP.
    pub nameserver_address: SocketAddrV4,
    schedules: JoinSet<()>,
    _listening: Listening,
    _names: dns::Serving,
}

impl Platform {
    /// Brings everything up; tells `progress` what it is at.
    ///
    /// # Errors
    /// When anything can't be started; the message says what to do about it.
    pub async fn start(options: Options, progress: &(dyn Fn(&str) + Sync)) -> Result<Self> {
        let network = Network::claim()?;
        let keeper = Keeper::start(&options.folder)?;
        let toolchain = Toolchain::find()?;
        let host = Host::new(toolchain, keeper, network, Authority::create()?)?;
        let calls = CallLog::kept_in(&host.keeper.folder().join("calls.jsonl"))?;
        let gateway = Gateway::new(calls, Faults::default());
        let moto = if let Some(moto) = options.moto.clone() {
            moto
        } else {
            progress("starting moto: DynamoDB, SNS, Route 53, Secrets Manager");
            Moto::start(&host.toolchain, &host.keeper, host.network.moto()?).await?
        };
        let nameserver = Nameserver::default();
        for service in moto::SERVICES {
            gateway.route(service, Arc::new(moto.clone()));
        }
        gateway.route("route53", Arc::new(Route53::new(moto, nameserver.clone())));
        progress("starting the functions' platform");
        Self::assemble(options, host, gateway, nameserver).await
    }

    async fn assemble(
        options: Options,
        host: Host,
        gateway: Gateway,
        nameserver: Nameserver,
    ) -> Result<Self> {
        let nameserver_address = host.network.nameserver()?;
        let names = dns::serve(nameserver.clone(), nameserver_address).await?;
        let template = template(&options, nameserver_address)?;
        let services = Services::new(&options, &template, &host, &gateway, &nameserver);
        services.join(&template, &gateway)?;
        gateway.guard_by(Arc::new(services.guard(&template, &options.privileges)));
        let listening = server::serve(
            host.network.gateway_listener()?,
            gateway.clone(),
            services.lambda.runtime_api(),
        )?;
        let client = Client::new(gateway.clone(), Caller::Service("platform"));
        let zone_id = resources::create(&client, &template, &options.zone).await?;
        let kept: &[Schedule] = if options.schedules {
            &template.schedules
        } else {
            &[]
        };
        let schedules = services.events.keep(kept);
        Ok(Self {
            template,
            gateway,
            lambda: services.lambda,
            states: services.states,
            events: services.events,
            rds: services.rds,
            cloudwatch: services.cloudwatch,
            nameserver,
            endpoint: endpoint(&host),
            host,
            zone_id,
            nameserver_address,
            schedules,
            _listening: listening,
            _names: names,
        })
    }

    /// A client of all services, which is a person to them.
    #[must_use]
    pub fn client(&self) -> Client {
        Client::new(self.gateway.clone(), Caller::Person)
    }

    /// Keeps the secret with which our role `username` logs in at this database.
    ///
    /// # Errors
    /// When there is such a secret already.
    pub async fn keep_credentials(
        &self,
        database: &str,
        username: &str,
        password: &str,
    ) -> Result<()> {
        let secret =
            json!({"username": username, "password": password, "ca": self.host.authority.ca_pem()});
        let request = json!({
            "Name": format!("viridian/{database}"),
            "SecretString": secret.to_string(),
            "ClientRequestToken": uuid::Uuid::new_v4().to_string(),
        });
        let (client, target) = (self.client(), "secretsmanager.CreateSecret");
        let kept = client.json("secretsmanager", target, &request);
        kept.await.map(drop)
    }

    /// Every call that was made.
    #[must_use]
    pub fn calls(&self) -> &CallLog {
        &self.gateway.calls
    }

    /// The faults that are played.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.gateway.faults
    }

    /// What a shell needs to reach this platform with the `aws` CLI or an SDK.
    #[must_use]
    pub fn exports(&self) -> Vec<(&'static str, String)> {
        vec![
            ("AWS_ENDPOINT_URL", self.endpoint.clone()),
            ("AWS_REGION", REGION.to_owned()),
            ("AWS_DEFAULT_REGION", REGION.to_owned()),
            ("AWS_ACCESS_KEY_ID", "person".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", SECRET_KEY.to_owned()),
        ]
    }

    /// Stops everything that was started.
    ///
    /// # Errors
    /// When something could not be stopped.
    pub async fn stop(mut self) -> Result<()> {
        self.schedules.abort_all();
        self.lambda.stop().await;
        self.host.keeper.shutdown().await
    }
}

impl Drop for Platform {
    /// The services hold the gateway, and it holds them.
    fn drop(&mut self) {
        self.gateway.close();
    }
}

fn template(options: &Options, nameserver: SocketAddrV4) -> Result<Template> {
    let mut parameters = options.parameters.clone();
    parameters
        .entry("Nameserver".to_owned())
        .or_insert_with(|| nameserver.to_string());
    Template::read(&options.template, &parameters)
}

fn endpoint(host: &Host) -> String {
    format!("http://{}", host.network.gateway())
}
