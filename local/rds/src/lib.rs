//! A local stand-in for Amazon RDS over real servers: its query API of 2014-10-31, one file per family of operations.
//!
//! Instances, snapshots, parameter groups, tags, events, and blue/green deployments as RDS makes them. What it doesn't
//! implement it refuses by name.

mod blue_green;
mod clusters;
mod delays;
mod engine_versions;
mod events;
mod fault;
mod gates;
mod instances;
mod model;
mod names;
mod parameter_groups;
pub mod postgres;
mod snapshots;
mod tags;
mod wire;

pub use blue_green::Breakage;
pub use delays::DelayProfile;
pub use events::Event;
pub use instances::Frozen;
pub use names::{DOMAIN, host_name};

use crate::postgres::gate::Keys;
use crate::postgres::{Host, Server};
use async_trait::async_trait;
use axum::http::StatusCode;
use fault::Fault;
use gates::Gates;
use local_aws::dns::Nameserver;
use local_aws::gateway::protocol;
use local_aws::gateway::{Answer, Call, Service};
use model::State;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use wire::{Form, Render, Request, Xml};

/// RDS. Clones are the same RDS.
#[derive(Clone)]
pub struct Rds {
    shared: Arc<Shared>,
}

struct Shared {
    host: Host,
    nameserver: Nameserver,
    delays: DelayProfile,
    state: Mutex<State>,
    gates: Gates,
    breakages: Mutex<Vec<Breakage>>,
    listeners: Mutex<Vec<Listener>>,
}

/// Whoever wants to hear of what happens.
type Listener = Arc<dyn Fn(&Event) + Send + Sync>;

impl Rds {
    /// An RDS without instances; IAM knows the `keys`.
    #[must_use]
    pub fn new(host: Host, nameserver: Nameserver, delays: DelayProfile, keys: Keys) -> Self {
        let shared = Shared {
            host,
            nameserver,
            delays,
            state: Mutex::default(),
            gates: Gates::new(keys),
            breakages: Mutex::default(),
            listeners: Mutex::default(),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Calls `listener` whenever something happens. It must not block.
    pub fn on_event(&self, listener: impl Fn(&Event) + Send + Sync + 'static) {
        let mut listeners = self
            .shared
            .listeners
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        listeners.push(Arc::new(listener));
    }

    fn heard(&self, event: &Event) {
        let listeners = self.shared.listeners.lock();
        let listeners = listeners.unwrap_or_else(PoisonError::into_inner).clone();
        for listener in listeners {
            listener(event);
        }
    }

    /// The PostgreSQL server of the instance that has this name right now.
    #[must_use]
    pub fn server(&self, instance: &str) -> Option<Server> {
        self.state().instance(instance).ok()?.server.clone()
    }

    /// The PostgreSQL server of an instance, whatever it is called.
    #[must_use]
    pub fn server_of(&self, resource_id: &str) -> Option<Server> {
        self.state().instances.get(resource_id)?.server.clone()
    }

    /// The PostgreSQL servers of all instances.
    #[must_use]
    pub fn servers(&self) -> Vec<Server> {
        let state = self.state();
        let instances = state.instances.values();
        instances
            .filter_map(|instance| instance.server.clone())
            .collect()
    }

    /// The identifier of the deployment that has this name.
    #[must_use]
    pub fn deployment_named(&self, name: &str) -> Option<String> {
        let state = self.state();
        let deployment = state.deployments.values().find(|it| it.name == name);
        deployment.map(|it| it.id.clone())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn host(&self) -> &Host {
        &self.shared.host
    }

    fn delays(&self) -> &DelayProfile {
        &self.shared.delays
    }

    /// From now on an instance's name leads to its server.
    fn publish_name(&self, instance: &str, server: &Server) {
        let ttl = self.delays().endpoint_ttl;
        let nameserver = &self.shared.nameserver;
        nameserver.register(&host_name(instance), self.front(server), ttl);
    }

    fn retract_name(&self, instance: &str) {
        self.shared.nameserver.remove(&host_name(instance));
    }

    async fn carry_out(&self, operation: &str, form: Form) -> Result<String, Fault> {
        let answer = Reply { operation, form };
        match operation {
            "CreateDBInstance" => answer.with(|it| self.create_instance(it)),
            "CreateDBInstanceReadReplica" => answer.with(|it| self.create_replica(it)),
            "DescribeDBInstances" => answer.with(|it| self.describe_instances(&it)),
            "ModifyDBInstance" => answer.with(|it| self.modify_instance(it)),
            "RebootDBInstance" => answer.with(|it| self.reboot_instance(&it)),
            "PromoteReadReplica" => answer.with(|it| self.promote_replica(&it)),
            "DeleteDBInstance" => answer.with(|it| self.delete_instance(it)),
            "CreateDBSnapshot" => answer.with(|it| self.create_snapshot(it)),
            "DescribeDBSnapshots" => answer.with(|it| self.describe_snapshots(&it)),
            "DeleteDBSnapshot" => answer.with(|it| self.delete_snapshot(&it)),
            "DescribeDBEngineVersions" => answer.with(|it| self.describe_engine_versions(&it)),
            "CreateDBParameterGroup" => answer.with(|it| self.create_group(it)),
            "ModifyDBParameterGroup" => answer.with(|it| self.modify_group(it)),
            "DescribeDBParameterGroups" => answer.with(|it| self.describe_groups(&it)),
            "DescribeDBParameters" => answer.with(|it| self.describe_parameters(&it)),
            "AddTagsToResource" => answer.with(|it| self.add_tags(it)),
            "ListTagsForResource" => answer.with(|it| self.list_tags(&it)),
            "RemoveTagsFromResource" => answer.with(|it| self.remove_tags(&it)),
            "DescribeEvents" => answer.with(|it| self.describe_events(&it)),
            "DescribeDBClusters" => answer.with(|it| Self::describe_clusters(&it)),
            "CreateBlueGreenDeployment" => {
                let request = answer.form.decode()?;
                let made = self.create_deployment(request).await?;
                Ok(Xml::answer(operation, &made))
            }
            "DescribeBlueGreenDeployments" => answer.with(|it| self.describe_deployments(&it)),
            "SwitchoverBlueGreenDeployment" => answer.with(|it| self.switch_over(&it)),
            "DeleteBlueGreenDeployment" => answer.with(|it| self.delete_deployment(&it)),
            _ => Err(Fault::new(
                "InvalidAction",
                format!("This local RDS doesn't implement the operation {operation}."),
            )),
        }
    }
}

/// A call that waits for its operation.
struct Reply<'a> {
    operation: &'a str,
    form: Form,
}

impl Reply<'_> {
    fn with<R: Request, T: Render>(
        self,
        act: impl FnOnce(R) -> Result<T, Fault>,
    ) -> Result<String, Fault> {
        let result = act(self.form.decode()?)?;
        Ok(Xml::answer(self.operation, &result))
    }
}

#[async_trait]
impl Service for Rds {
    async fn call(&self, call: Call) -> Answer {
        match self
            .carry_out(&call.operation, Form::parse(&call.body))
            .await
        {
            Ok(body) => protocol::answer(StatusCode::OK, "text/xml", body),
            Err(fault) => protocol::error(&call, fault.status(), fault.code, &fault.message),
        }
    }
}
