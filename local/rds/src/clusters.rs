//! There are no clusters here; operation `DescribeDBClusters` says so.

use super::Rds;
use super::fault::Fault;
use super::wire::{Filters, Form, Page, Paging, Request};

/// `DescribeDBClusters`.
#[derive(Debug)]
pub struct DescribeClusters {
    name: Option<String>,
    paging: Paging,
}

impl Request for DescribeClusters {
    fn read(form: &mut Form) -> Result<Self, Fault> {
        Filters::read(
            form,
            &[
                "clone-group-id",
                "db-cluster-id",
                "db-cluster-resource-id",
                "domain",
                "engine",
            ],
        )?;
        form.ignore(&["IncludeShared"]);
        Ok(Self {
            name: form.text("DBClusterIdentifier"),
            paging: Paging::read(form)?,
        })
    }
}

impl Rds {
    pub(super) fn describe_clusters(request: &DescribeClusters) -> Result<Page<()>, Fault> {
        match &request.name {
            Some(name) => {
                let message = format!("DBCluster {name} not found.");
                Err(Fault::new("DBClusterNotFoundFault", message))
            }
            None => Page::of(("DBClusters", "DBCluster"), Vec::new(), &request.paging),
        }
    }
}
