//! Tags of anything that has an ARN: operations `AddTagsToResource`, `ListTagsForResource`, `RemoveTagsFromResource`.

use super::fault::Fault;
use super::model::{State, Tags, read_tags, write_tags};
use super::wire::{Filters, Form, Render, Request, Xml};
use super::{Rds, names};

/// `AddTagsToResource`.
#[derive(Debug)]
pub struct AddTags {
    resource: String,
    tags: Tags,
}

impl Request for AddTags {
    fn read(form: &mut Form) -> Result<Self, Fault> {
        Ok(Self {
            resource: form.required("ResourceName")?,
            tags: read_tags(form)?,
        })
    }
}

/// `ListTagsForResource`.
#[derive(Debug)]
pub struct ListTags {
    resource: String,
}

impl Request for ListTags {
    fn read(form: &mut Form) -> Result<Self, Fault> {
        Filters::read(form, &[])?;
        Ok(Self {
            resource: form.required("ResourceName")?,
        })
    }
}

/// `RemoveTagsFromResource`.
#[derive(Debug)]
pub struct RemoveTags {
    resource: String,
    keys: Vec<String>,
}

impl Request for RemoveTags {
    fn read(form: &mut Form) -> Result<Self, Fault> {
        Ok(Self {
            resource: form.required("ResourceName")?,
            keys: form.texts("TagKeys"),
        })
    }
}

/// What `ListTagsForResource` answers.
#[derive(Debug)]
pub struct TagList(Tags);

impl Render for TagList {
    fn render(&self, xml: &mut Xml) {
        write_tags(xml, &self.0);
    }
}

impl Rds {
    /// The tags of whatever has this ARN.
    #[must_use]
    pub fn tags(&self, arn: &str) -> Option<Tags> {
        let mut state = self.state();
        tags_of(&mut state, arn).ok().cloned()
    }

    pub(super) fn add_tags(&self, request: AddTags) -> Result<(), Fault> {
        tags_of(&mut self.state(), &request.resource)?.extend(request.tags);
        Ok(())
    }

    pub(super) fn list_tags(&self, request: &ListTags) -> Result<TagList, Fault> {
        Ok(TagList(
            tags_of(&mut self.state(), &request.resource)?.clone(),
        ))
    }

    pub(super) fn remove_tags(&self, request: &RemoveTags) -> Result<(), Fault> {
        let mut state = self.state();
        let tags = tags_of(&mut state, &request.resource)?;
        tags.retain(|key, _| !request.keys.contains(key));
        Ok(())
    }
}

fn tags_of<'a>(state: &'a mut State, arn: &str) -> Result<&'a mut Tags, Fault> {
    let (kind, name) = names::parse_arn(arn)?;
    match kind {
        "db" => Ok(&mut state.instance_mut(name)?.tags),
        "snapshot" => {
            let snapshot = state.snapshots.get_mut(name);
            Ok(&mut snapshot.ok_or_else(|| Fault::no_snapshot(name))?.tags)
        }
        "pg" => {
            let group = state.groups.get_mut(name);
            Ok(&mut group.ok_or_else(|| Fault::no_group(name))?.tags)
        }
        "deployment" => {
            let deployment = state.deployments.get_mut(name);
            Ok(&mut deployment.ok_or_else(|| Fault::no_deployment(name))?.tags)
        }
        _ => Err(Fault::invalid_value(format!(
            "Invalid resource name: {arn}"
        ))),
    }
}
