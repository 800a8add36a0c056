//! The services that this program plays itself, behind the gateway and joined to each other.

use super::Options;
use anyhow::{Context as _, Result, anyhow};
use local_aws::cloudwatch::CloudWatch;
use local_aws::dns::Nameserver;
use local_aws::events::Events;
use local_aws::gateway::{Gateway, Service};
use local_aws::iam::{Facts, Guard, Tags, Used};
use local_aws::lambda::{Function, Lambda, SECRET_KEY, access_key};
use local_aws::states::{States, StatusChange};
use local_aws::template::{FunctionSpec, Template};
use local_rds::Rds;
use local_rds::postgres::Host;
use local_rds::postgres::gate::Keys;
use std::path::Path;
use std::sync::Arc;

#[derive(Clone)]
pub(super) struct Services {
    pub lambda: Lambda,
    pub states: States,
    pub events: Events,
    pub rds: Rds,
    pub cloudwatch: CloudWatch,
}

impl Services {
    pub(super) fn new(
        options: &Options,
        template: &Template,
        host: &Host,
        gateway: &Gateway,
        nameserver: &Nameserver,
    ) -> Self {
        let endpoint = super::endpoint(host);
        let functions = template
            .functions
            .iter()
            .map(|spec| function(spec, options))
            .chain(options.beside.iter().cloned())
            .collect();
        let events = Events::new(template.rules.clone(), gateway.clone(), options.clock);
        Self {
            lambda: Lambda::new(functions, &endpoint, options.clock, host.keeper.clone()),
            states: States::new(gateway.clone(), options.clock),
            rds: Rds::new(
                host.clone(),
                nameserver.clone(),
                options.delays,
                keys(template),
            ),
            cloudwatch: CloudWatch::new(events.clone()),
            events,
        }
    }

    /// From now on they answer, the template's machines can be started, and the bus hears of executions.
    pub(super) fn join(&self, template: &Template, gateway: &Gateway) -> Result<()> {
        let services: [(&str, Arc<dyn Service>); 5] = [
            ("lambda", Arc::new(self.lambda.clone())),
            ("states", Arc::new(self.states.clone())),
            ("events", Arc::new(self.events.clone())),
            ("rds", Arc::new(self.rds.clone())),
            ("monitoring", Arc::new(self.cloudwatch.clone())),
        ];
        for (name, service) in services {
            gateway.route(name, service);
        }
        gateway.kill_among(Arc::new(self.lambda.clone()));
        self.tell_of_executions();
        self.tell_of_databases();
        self.register(template)
    }

    /// Holds functions and machines to the template's policies.
    pub(super) fn guard(&self, template: &Template, privileges: &Path) -> Guard {
        let facts = Arc::new(self.clone());
        Guard::new(template.roles(), facts, Used::new(privileges))
    }

    fn register(&self, template: &Template) -> Result<()> {
        for machine in &template.machines {
            let file = machine.definition.display();
            let text = std::fs::read_to_string(&machine.definition)
                .with_context(|| format!("reading {file}"))?;
            let registered = self
                .states
                .register(&machine.name, &text, &machine.substitutions);
            registered.map_err(|refusal| anyhow!("{file}: {refusal:?}"))?;
        }
        Ok(())
    }

    fn tell_of_databases(&self) {
        let events = self.events.clone();
        self.rds.on_event(move |event| {
            let (detail_type, resource, detail) = event.on_the_bus();
            events.emit("aws.rds", detail_type, &[resource], &detail);
        });
    }

    fn tell_of_executions(&self) {
        let events = self.events.clone();
        self.states.on_change(move |change| {
            let resources = [change.execution_arn.clone()];
            events.emit(
                StatusChange::SOURCE,
                StatusChange::DETAIL_TYPE,
                &resources,
                &change.detail,
            );
        });
    }
}

/// What conditions and tokens are about.
impl Facts for Services {
    fn tags(&self, arn: &str) -> Option<Tags> {
        self.rds.tags(arn)
    }

    fn machine_of(&self, token: &str) -> Option<String> {
        self.states.machine_of(token)
    }
}

/// Each function's access key.
fn keys(template: &Template) -> Keys {
    let functions = template.functions.iter();
    functions
        .map(|spec| (access_key(&spec.binary), SECRET_KEY.to_owned()))
        .collect()
}

fn function(spec: &FunctionSpec, options: &Options) -> Function {
    Function {
        name: spec.binary.clone(),
        binary: options.binaries.join(&spec.binary),
        timeout: *options.timeouts.get(&spec.binary).unwrap_or(&spec.timeout),
        memory_mb: spec.memory,
        environment: spec.environment.clone(),
    }
}
