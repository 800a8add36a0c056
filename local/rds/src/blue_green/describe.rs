//! `DescribeBlueGreenDeployments`.

use crate::Rds;
use crate::fault::Fault;
use crate::model::DeploymentView;
use crate::wire::{Filters, Form, Page, Paging, Request};

/// `DescribeBlueGreenDeployments`.
#[derive(Debug)]
pub struct DescribeDeployments {
    id: Option<String>,
    filters: Filters,
    paging: Paging,
}

impl Request for DescribeDeployments {
    fn read(form: &mut Form) -> Result<Self, Fault> {
        let filters = [
            "blue-green-deployment-identifier",
            "blue-green-deployment-name",
            "source",
            "target",
        ];
        Ok(Self {
            id: form.text("BlueGreenDeploymentIdentifier"),
            filters: Filters::read(form, &filters)?,
            paging: Paging::read(form)?,
        })
    }
}

impl DescribeDeployments {
    fn wants(&self, view: &DeploymentView) -> bool {
        let it = &view.deployment;
        self.id.as_ref().is_none_or(|id| *id == it.id)
            && self.filters.pass(|filter| match filter {
                "blue-green-deployment-identifier" => vec![it.id.as_str()],
                "blue-green-deployment-name" => vec![it.name.as_str()],
                "source" => view.source().into_iter().collect(),
                _ => view.target().into_iter().collect(),
            })
    }
}

impl Rds {
    pub(crate) fn describe_deployments(
        &self,
        request: &DescribeDeployments,
    ) -> Result<Page<DeploymentView>, Fault> {
        let state = self.state();
        let views = state.deployments.values().map(|it| it.view(&state));
        let found: Vec<_> = views.filter(|view| request.wants(view)).collect();
        match &request.id {
            Some(id) if found.is_empty() => Err(Fault::no_deployment(id)),
            _ => Page::of(("BlueGreenDeployments", "member"), found, &request.paging),
        }
    }
}
