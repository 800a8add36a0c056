//! There are no clusters here; operation `DescribeDBClusters` says so.

use super::Rds;
use super::fault::Fault;
use super::wire::{Form, Xml};

/// The filters that the operation has.
const FILTERS: [&str; 5] = [
    "clone-group-id",
    "db-cluster-id",
    "db-cluster-resource-id",
    "domain",
    "engine",
];

impl Rds {
    pub(super) fn describe_clusters(mut form: Form) -> Result<Xml, Fault> {
        form.ignore(&["IncludeShared"]);
        let name = form.text("DBClusterIdentifier");
        let (_, paging) = form.listing(&FILTERS)?;
        match name {
            Some(name) => {
                let message = format!("DBCluster {name} not found.");
                Err(Fault::new("DBClusterNotFoundFault", message))
            }
            None => Xml::page("DBClusters", "DBCluster", Vec::<()>::new(), &paging),
        }
    }
}
