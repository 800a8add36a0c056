//! Tags of alarms.

use super::alarm::{Alarm, Tag};
use super::{Done, Refusal, Store};
use serde::Deserialize;
use serde_json::json;

#[derive(Debug, Deserialize)]
pub(super) struct TagResource {
    #[serde(rename = "ResourceARN")]
    arn: String,
    #[serde(rename = "Tags")]
    tags: Vec<Tag>,
}

#[derive(Debug, Deserialize)]
pub(super) struct UntagResource {
    #[serde(rename = "ResourceARN")]
    arn: String,
    #[serde(rename = "TagKeys")]
    keys: Vec<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct ListTags {
    #[serde(rename = "ResourceARN")]
    arn: String,
}

impl Store {
    pub(super) fn tag(&mut self, request: TagResource) -> Done {
        let alarm = self.by_arn(&request.arn)?;
        for tag in request.tags {
            alarm.settings.tags.retain(|known| known.key != tag.key);
            alarm.settings.tags.push(tag);
        }
        Ok(json!({}))
    }

    pub(super) fn untag(&mut self, request: &UntagResource) -> Done {
        let tags = &mut self.by_arn(&request.arn)?.settings.tags;
        tags.retain(|tag| !request.keys.contains(&tag.key));
        Ok(json!({}))
    }

    pub(super) fn list_tags(&mut self, request: &ListTags) -> Done {
        Ok(json!({"Tags": self.by_arn(&request.arn)?.settings.tags}))
    }

    fn by_arn(&mut self, arn: &str) -> Result<&mut Alarm, Refusal> {
        let found = self.alarms.values_mut().find(|alarm| alarm.arn() == arn);
        found.ok_or_else(|| Refusal::not_found(arn))
    }
}
