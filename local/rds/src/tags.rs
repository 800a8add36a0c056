//! Tags of anything that has an ARN: operations `AddTagsToResource`, `ListTagsForResource`, `RemoveTagsFromResource`.

use super::fault::Fault;
use super::model::{State, Tags, write_tags};
use super::wire::{Filters, Form, Xml};
use super::{Rds, names};

impl Rds {
    /// The tags of whatever has this ARN.
    #[must_use]
    pub fn tags(&self, arn: &str) -> Option<Tags> {
        tags_of(&mut self.state(), arn).ok().cloned()
    }

    pub(super) fn add_tags(&self, mut form: Form) -> Result<Xml, Fault> {
        let (resource, tags) = (form.required("ResourceName")?, form.tags()?);
        form.end()?;
        tags_of(&mut self.state(), &resource)?.extend(tags);
        Ok(Xml::default())
    }

    pub(super) fn list_tags(&self, mut form: Form) -> Result<Xml, Fault> {
        Filters::read(&mut form, &[])?;
        let resource = form.required("ResourceName")?;
        form.end()?;
        let mut xml = Xml::default();
        write_tags(&mut xml, tags_of(&mut self.state(), &resource)?);
        Ok(xml)
    }

    pub(super) fn remove_tags(&self, mut form: Form) -> Result<Xml, Fault> {
        let (resource, keys) = (form.required("ResourceName")?, form.texts("TagKeys"));
        form.end()?;
        tags_of(&mut self.state(), &resource)?.retain(|key, _| !keys.contains(key));
        Ok(Xml::default())
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
        "deployment" => Ok(&mut state.deployment_mut(name)?.tags),
        _ => Err(Fault::invalid_value(format!(
            "Invalid resource name: {arn}"
        ))),
    }
}
