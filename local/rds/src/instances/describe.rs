//! `DescribeDBInstances`.

use crate::fault::Fault;
use crate::model::{Instance, InstanceView};
use crate::postgres::version::ENGINE;
use crate::wire::{Form, Xml};
use crate::{Rds, names};

/// The filters that the operation has.
const FILTERS: [&str; 5] = [
    "db-cluster-id",
    "db-instance-id",
    "dbi-resource-id",
    "domain",
    "engine",
];

impl Rds {
    pub(crate) fn describe_instances(&self, mut form: Form) -> Result<Xml, Fault> {
        let name = form.text("DBInstanceIdentifier");
        let name = name.map(|name| names::instance_name(&name)).transpose()?;
        let (filters, paging) = form.listing(&FILTERS)?;
        let wanted = |it: &&Instance| {
            let arn = it.arn();
            name.as_ref().is_none_or(|name| *name == it.name)
                && filters.pass(|filter| match filter {
                    "db-instance-id" => vec![&it.name, &arn],
                    "dbi-resource-id" => vec![&it.resource_id],
                    "engine" => vec![ENGINE],
                    _ => vec![],
                })
        };
        let state = &self.state();
        let mut found: Vec<_> = state.instances.values().filter(wanted).collect();
        found.sort_by_key(|instance| &instance.name);
        if let Some(name) = &name
            && found.is_empty()
        {
            return Err(Fault::no_instance(name));
        }
        let views = found.into_iter();
        let views = views.map(|instance| InstanceView { instance, state });
        Xml::page("DBInstances", "DBInstance", views.collect(), &paging)
    }
}
