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
use parking_lot::{Mutex, MutexGuard};
use std::sync::Arc;
use wire::{Form, Xml};

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

/// Receives each event.
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
        self.shared.listeners.lock().push(Arc::new(listener));
    }

    fn heard(&self, event: &Event) {
        let listeners = self.shared.listeners.lock().clone();
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

    /// The same, where there must be one.
    fn running(&self, resource_id: &str) -> Result<Server, Fault> {
        self.state().by_id(resource_id)?.server()
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
        self.shared.state.lock()
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

    async fn carry_out(&self, operation: &str, form: Form) -> Result<Xml, Fault> {
        match operation {
            "CreateDBInstance" => self.create_instance(form),
            "CreateDBInstanceReadReplica" => self.create_replica(form),
            "DescribeDBInstances" => self.describe_instances(form),
            "ModifyDBInstance" => self.modify_instance(form),
            "RebootDBInstance" => self.reboot_instance(form),
            "PromoteReadReplica" => self.promote_replica(form),
            "DeleteDBInstance" => self.delete_instance(form),
            "CreateDBSnapshot" => self.create_snapshot(form),
            "DescribeDBSnapshots" => self.describe_snapshots(form),
            "DeleteDBSnapshot" => self.delete_snapshot(form),
            "DescribeDBEngineVersions" => self.describe_engine_versions(form),
            "CreateDBParameterGroup" => self.create_group(form),
            "ModifyDBParameterGroup" => self.modify_group(form),
            "DescribeDBParameterGroups" => self.describe_groups(form),
            "DescribeDBParameters" => self.describe_parameters(form),
            "AddTagsToResource" => self.add_tags(form),
            "ListTagsForResource" => self.list_tags(form),
            "RemoveTagsFromResource" => self.remove_tags(form),
            "DescribeEvents" => self.describe_events(form),
            "DescribeDBClusters" => Self::describe_clusters(form),
            "CreateBlueGreenDeployment" => self.create_deployment(form).await,
            "DescribeBlueGreenDeployments" => self.describe_deployments(form),
            "SwitchoverBlueGreenDeployment" => self.switch_over(form),
            "DeleteBlueGreenDeployment" => self.delete_deployment(form),
            _ => Err(Fault::new(
                "InvalidAction",
                format!("This local RDS doesn't implement the operation {operation}."),
            )),
        }
    }
}

#[async_trait]
impl Service for Rds {
    async fn call(&self, call: Call) -> Answer {
        let done = self.carry_out(&call.operation, Form::parse(&call.body));
        match done.await.map(|result| result.answer(&call.operation)) {
            Ok(body) => protocol::answer(StatusCode::OK, "text/xml", body),
            Err(fault) => protocol::error(&call, fault.status(), fault.code, &fault.message),
        }
    }
}
