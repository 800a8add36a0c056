//! `DescribeDBInstances`.

use crate::fault::Fault;
use crate::model::{Instance, InstanceView};
use crate::postgres::version::ENGINE;
use crate::wire::{Filters, Form, Page, Paging, Request};
use crate::{Rds, names};

/// `DescribeDBInstances`.
#[derive(Debug)]
pub struct DescribeInstances {
    name: Option<String>,
    filters: Filters,
    paging: Paging,
}

impl Request for DescribeInstances {
    fn read(form: &mut Form) -> Result<Self, Fault> {
        let name = form.text("DBInstanceIdentifier");
        let filters = [
            "db-cluster-id",
            "db-instance-id",
            "dbi-resource-id",
            "domain",
            "engine",
        ];
        Ok(Self {
            name: name.map(|name| names::instance_name(&name)).transpose()?,
            filters: Filters::read(form, &filters)?,
            paging: Paging::read(form)?,
        })
    }
}

impl DescribeInstances {
    fn wants(&self, instance: &Instance) -> bool {
        let arn = instance.arn();
        self.name.as_ref().is_none_or(|name| *name == instance.name)
            && self.filters.pass(|filter| match filter {
                "db-instance-id" => vec![&instance.name, &arn],
                "dbi-resource-id" => vec![&instance.resource_id],
                "engine" => vec![ENGINE],
                _ => vec![],
            })
    }
}

impl Rds {
    pub(crate) fn describe_instances(
        &self,
        request: &DescribeInstances,
    ) -> Result<Page<InstanceView>, Fault> {
        let state = self.state();
        let mut found: Vec<_> = state
            .instances
            .values()
            .filter(|it| request.wants(it))
            .collect();
        found.sort_by_key(|instance| &instance.name);
        match &request.name {
            Some(name) if found.is_empty() => Err(Fault::no_instance(name)),
            _ => {
                let views = found.into_iter().map(|it| state.view(it)).collect();
                Page::of(("DBInstances", "DBInstance"), views, &request.paging)
            }
        }
    }
}
