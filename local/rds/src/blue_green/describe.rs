//! `DescribeBlueGreenDeployments`.

use crate::Rds;
use crate::fault::Fault;
use crate::model::DeploymentView;
use crate::wire::{Form, Xml, is};

/// The filters that the operation has.
const FILTERS: [&str; 4] = [
    "blue-green-deployment-identifier",
    "blue-green-deployment-name",
    "source",
    "target",
];

impl Rds {
    pub(crate) fn describe_deployments(&self, mut form: Form) -> Result<Xml, Fault> {
        let id = form.text("BlueGreenDeploymentIdentifier");
        let (filters, paging) = form.listing(&FILTERS)?;
        let wanted = |view: &DeploymentView<'_>| {
            let (it, source, target) = (view.deployment, view.source(), view.target());
            is(id.as_ref(), &it.id)
                && filters.pass(|filter| match filter {
                    "blue-green-deployment-identifier" => vec![it.id.as_str()],
                    "blue-green-deployment-name" => vec![it.name.as_str()],
                    "source" => source.as_deref().into_iter().collect(),
                    _ => target.as_deref().into_iter().collect(),
                })
        };
        let state = &self.state();
        let deployments = state.deployments.values();
        let views = deployments.map(|deployment| DeploymentView { deployment, state });
        let found: Vec<_> = views.filter(wanted).collect();
        match &id {
            Some(id) if found.is_empty() => Err(Fault::no_deployment(id)),
            _ => Xml::page("BlueGreenDeployments", "member", found, &paging),
        }
    }
}
