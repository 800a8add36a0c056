//! Reads everything that an upgrade depends on, and touches nothing.

use domain::claim;
use domain::error::StepError;
use domain::ids::Owner;
use domain::plan::{Input, Output, Seen, Server, decide};
use domain::rds::{Deployment, GREEN_GROUP_TAG, Instance, READS_TAG, WRITES_TAG};
use domain::request::{Request, parse};
use domain::routes::Route;
use domain::watch::Reading;
use domain::writes::Pointer;
use effects::alarms::Alarms;
use effects::claims::Claims;
use effects::dns::Resolver;
use effects::error::Error;
use effects::executions::Executions;
use effects::notices::Notices;
use effects::postgres::{Connector, Endpoint, inspect};
use effects::rds::{Deployments, Instances, Versions};
use effects::routes::Routes;
use effects::secrets::Secrets;
use std::collections::BTreeMap;
use tracing::info;

/// Everything that is read.
#[derive(Clone)]
pub struct Sources {
    /// The table of upgrades.
    pub claims: Claims,
    /// The instances.
    pub instances: Instances,
    /// The versions that RDS offers.
    pub versions: Versions,
    /// The blue/green deployments.
    pub deployments: Deployments,
    /// The alarms.
    pub alarms: Alarms,
    /// The topic that tells people.
    pub notices: Notices,
    /// The executions of the state machines.
    pub executions: Executions,
    /// The weighted records.
    pub routes: Routes,
    /// Our credentials.
    pub secrets: Secrets,
    /// Who knows the servers' addresses.
    pub resolver: Resolver,
}

/// Plans an upgrade: the request, everything that was found, what will happen, what is in the way.
///
/// # Errors
///
/// `Upgrade.InvalidInput` with every fault of the request; `Upgrade.Transient` while something can't be read.
pub async fn run(sources: &Sources, input: Input) -> Result<Output, Error> {
    let mut request =
        parse(&input.request).map_err(|faults| StepError::invalid_input(faults.to_string()))?;
    let seen = sources.see(&mut request, &input.owner).await?;
    let output = decide(&request, &input.owner, &seen);
    info!(outcome = ?output.outcome, checks = output.plan.checks.len(), "planned");
    Ok(output)
}

impl Sources {
    /// What the writer's tags say of green completes the request.
    async fn see(&self, request: &mut Request, owner: &Owner) -> Result<Seen, Error> {
        let database = &request.database.clone();
        // First, so that whatever an upgrade does after it makes this plan stale.
        let last_claim = claim::last(self.claims.read(database).await?.as_ref());
        let Some(writer) = self.instances.describe(&database.as_str().into()).await? else {
            return Ok(Seen::nothing());
        };
        let group = request.green.parameter_group.take();
        request.green.parameter_group = named(group.as_ref(), GREEN_GROUP_TAG, &writer);
        let reads = request.reads.as_ref().map(|reads| &reads.record);
        let reads_name = named(reads, READS_TAG, &writer);
        let writes = request.writes.as_ref().map(|writes| &writes.record);
        let writes_name = named(writes, WRITES_TAG, &writer);
        let parameters = self.green_parameters(request).await?;
        let set = |name: &str, value: &str| parameters.get(name).is_some_and(|set| set == value);
        let connector = found(self.secrets.connector(database, &self.resolver).await)?;
        Ok(Seen {
            last_claim,
            readers: self.readers(&writer).await?,
            targets: self
                .versions
                .targets(&writer.engine, &writer.version)
                .await?,
            family: self
                .versions
                .family(&writer.engine, &request.target_version)
                .await?,
            green_group_family: self.group(request).await?,
            green_group_is_logical: set("rds.logical_replication", "1"),
            green_group_bounds_slots: parameters
                .get("max_slot_wal_keep_size")
                .is_some_and(|megabytes| megabytes != "-1"),
            deployments: self.deployments(&writer).await?,
            by_iam: connector.as_ref().is_ok_and(Connector::is_by_iam),
            server: match connector {
                Ok(connector) => found(server(&connector, &writer, request).await)?,
                Err(why) => Err(why),
            },
            alarms: found(self.readings(request).await)?,
            subscribers: said(self.notices.subscribers().await)?,
            execution: said(self.executions.describe(owner).await.map(drop))?,
            reads: found(self.reads(reads_name.as_deref()).await)?,
            reads_name,
            writes: found(self.writes(writes_name.as_deref()).await)?,
            writes_name,
            writer: Some(writer),
        })
    }

    /// Replicas that can't be found are left out; the plan misses them by name.
    async fn readers(&self, writer: &Instance) -> Result<Vec<Instance>, Error> {
        let mut readers = vec![];
        for name in &writer.replicas {
            readers.extend(self.instances.describe(name).await?);
        }
        Ok(readers)
    }

    async fn group(&self, request: &Request) -> Result<Option<String>, Error> {
        match &request.green.parameter_group {
            None => Ok(None),
            Some(group) => self.versions.family_of_group(group).await,
        }
    }

    /// What a person set in green's group; RDS's default groups set nothing.
    async fn green_parameters(&self, request: &Request) -> Result<BTreeMap<String, String>, Error> {
        let group = request.green.parameter_group.as_deref();
        let Some(group) = group.filter(|group| !group.starts_with("default.")) else {
            return Ok(BTreeMap::new());
        };
        match self.versions.parameters(group).await {
            Err(failed) if failed.is_transient() => Err(failed),
            // Another check says that there is no such group.
            set => Ok(set.unwrap_or_default()),
        }
    }

    async fn deployments(&self, writer: &Instance) -> Result<Vec<Deployment>, Error> {
        let mut found = self.deployments.of_source(&writer.arn).await?;
        found.extend(self.deployments.of_target(&writer.arn).await?);
        Ok(found)
    }

    async fn readings(&self, request: &Request) -> Result<Vec<Reading>, Error> {
        let names = match &request.alarms {
            Some(names) => names.clone(),
            None => self.alarms.tagged(&request.database).await?,
        };
        self.alarms.read(&names).await
    }

    async fn reads(&self, name: Option<&str>) -> Result<Option<Route>, Error> {
        match name {
            None => Ok(None),
            Some(name) => self.routes.find(name).await,
        }
    }

    async fn writes(&self, name: Option<&str>) -> Result<Option<Pointer>, Error> {
        match name {
            None => Ok(None),
            Some(name) => self.routes.find_pointer(name).await,
        }
    }
}

async fn server(
    connector: &Connector,
    writer: &Instance,
    request: &Request,
) -> Result<Server, Error> {
    let Some(address) = &writer.address else {
        return Err(StepError::refused("it has no endpoint yet").into());
    };
    let endpoint = Endpoint::new(address, writer.port);
    let named = request.application_roles.as_deref().unwrap_or_default();
    inspect::server(connector, &endpoint, named).await
}

/// The name of a record: what the request says, or else the writer's tag.
fn named(asked: Option<&String>, tag: &str, writer: &Instance) -> Option<String> {
    asked.or_else(|| writer.tags.get(tag)).cloned()
}

/// What waiting does not change is a finding of the plan; what may pass is asked again. A login that is refused may pass
/// during an upgrade, but before it a person had better see to it.
fn found<T>(answer: Result<T, Error>) -> Result<Result<T, String>, Error> {
    match answer {
        Ok(value) => Ok(Ok(value)),
        Err(error) if error.is_transient() && !error.is_refused_login() => Err(error),
        Err(error) => Ok(Err(error.to_string())),
    }
}

/// The same of a service that may be out of reach: a network with a hole gives no answer at all.
fn said<T>(answer: Result<T, Error>) -> Result<Result<T, String>, Error> {
    match answer {
        Err(silent) if silent.code().is_none() => Ok(Err(silent.to_string())),
        answered => found(answered),
    }
}
