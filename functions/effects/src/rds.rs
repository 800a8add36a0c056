//! RDS: instances, blue/green deployments, snapshots, versions and parameters. The SDK's types end here.

mod deployments;
mod instances;
mod snapshots;
mod versions;

pub use deployments::{Deployments, NewDeployment};
pub use instances::{Deletion, Instances};
pub use snapshots::Snapshots;
pub use versions::Versions;

use aws_sdk_rds::types::{Filter, Tag};
use std::collections::BTreeMap;

fn filter(name: &str, value: &str) -> Filter {
    Filter::builder().name(name).values(value).build()
}

fn tags_of(list: &[Tag]) -> BTreeMap<String, String> {
    list.iter()
        .map(|tag| {
            let text = |part: Option<&str>| part.unwrap_or_default().to_owned();
            (text(tag.key()), text(tag.value()))
        })
        .collect()
}

fn tag_list(tags: &BTreeMap<String, String>) -> Vec<Tag> {
    let list = tags
        .iter()
        .map(|(key, value)| Tag::builder().key(key).value(value).build());
    list.collect()
}
