//! Operations on DB parameter groups.

use super::fault::Fault;
use super::model::{InstanceStatus, ParameterGroup, State};
use super::wire::{Form, Render, Xml, is};
use super::{Rds, names};
use crate::postgres::parameters::{self, ApplyType};
use crate::postgres::version::family;
use std::collections::BTreeMap;

/// One new value in `ModifyDBParameterGroup`.
struct Change {
    name: String,
    value: String,
    immediate: bool,
}

impl Change {
    fn read(mut form: Form) -> Result<Self, Fault> {
        Ok(Self {
            name: form.required("ParameterName")?,
            value: form.required("ParameterValue")?,
            immediate: form.text("ApplyMethod").as_deref() == Some("immediate"),
        })
    }

    /// Refuses what RDS refuses; tells whether it waits for a restart.
    fn check(&self) -> Result<bool, Fault> {
        let name = &self.name;
        let unknown =
            || Fault::invalid_value(format!("Could not find parameter with name: {name}"));
        let apply = ApplyType::of(name).ok_or_else(unknown)?;
        if apply == ApplyType::Static && self.immediate {
            return Err(Fault::invalid_combination(format!(
                "cannot use immediate apply method for static parameter {name}"
            )));
        }
        Ok(!self.immediate)
    }
}

/// One parameter of a group.
struct Parameter {
    name: &'static str,
    apply: ApplyType,
    value: Option<String>,
}

impl Parameter {
    fn source(&self) -> &'static str {
        if self.value.is_some() {
            "user"
        } else {
            "engine-default"
        }
    }
}

impl Render for Parameter {
    fn render(&self, xml: &mut Xml) {
        xml.text("ParameterName", self.name);
        xml.maybe("ParameterValue", self.value.as_ref());
        xml.text("Source", self.source());
        xml.word("ApplyType", self.apply);
        xml.text("DataType", "string");
        xml.text("IsModifiable", true);
        let method = match self.apply {
            ApplyType::Static => "pending-reboot",
            ApplyType::Dynamic => "immediate",
        };
        xml.text("ApplyMethod", method);
    }
}

impl Rds {
    /// `CreateDBParameterGroup`.
    pub(super) fn create_group(&self, mut form: Form) -> Result<Xml, Fault> {
        let group = ParameterGroup {
            name: form.required("DBParameterGroupName")?.to_lowercase(),
            family: form.required("DBParameterGroupFamily")?,
            description: form.required("Description")?,
            values: BTreeMap::new(),
            tags: form.tags()?,
        };
        form.end()?;
        let (name, wanted) = (group.name.clone(), &group.family);
        if !self
            .offered_versions()
            .iter()
            .any(|it| family(it) == *wanted)
        {
            return Err(Fault::invalid_value(format!(
                "ParameterGroupFamily {wanted} is not a valid parameter group family"
            )));
        }
        if !names::is_identifier(&name, 255) {
            return Err(Fault::invalid_value(
                "The parameter DBParameterGroupName is not a valid identifier.",
            ));
        }
        let mut state = self.state();
        if state.groups.contains_key(&name) {
            let message = format!("Parameter group {name} already exists");
            return Err(Fault::new("DBParameterGroupAlreadyExists", message));
        }
        let answer = Xml::one("DBParameterGroup", &group);
        state.groups.insert(name, group);
        Ok(answer)
    }

    /// `DescribeDBParameterGroups`.
    pub(super) fn describe_groups(&self, mut form: Form) -> Result<Xml, Fault> {
        let name = form.text("DBParameterGroupName");
        let (_, paging) = form.listing(&[])?;
        let state = self.state();
        let groups = match name {
            Some(name) => vec![state.group(&name)?],
            None => state.groups.values().cloned().collect(),
        };
        Xml::page("DBParameterGroups", "DBParameterGroup", groups, &paging)
    }

    /// `DescribeDBParameters`.
    pub(super) fn describe_parameters(&self, mut form: Form) -> Result<Xml, Fault> {
        let group = form.required("DBParameterGroupName")?;
        let source = form.text("Source");
        let (_, paging) = form.listing(&[])?;
        let group = self.state().group(&group)?;
        let parameters = parameters::all().map(|(name, apply)| Parameter {
            name,
            apply,
            value: group.values.get(name).cloned(),
        });
        let wanted = |it: &Parameter| is(source.as_ref(), it.source());
        let found = parameters.filter(wanted).collect();
        Xml::page("Parameters", "Parameter", found, &paging)
    }

    /// `ModifyDBParameterGroup`.
    pub(super) fn modify_group(&self, mut form: Form) -> Result<Xml, Fault> {
        let name = form.required("DBParameterGroupName")?;
        let changes = form.list("Parameters").into_iter().map(Change::read);
        let changes: Vec<Change> = changes.collect::<Result<_, Fault>>()?;
        form.end()?;
        let mut waits = false;
        for change in &changes {
            waits |= change.check()?;
        }
        let users = self.state().change_group(&name, changes, waits)?;
        for resource_id in users {
            let rds = self.clone();
            tokio::spawn(async move {
                if let Err(error) = rds.apply_parameters(&resource_id).await {
                    tracing::error!(%error, resource_id, "parameters were not applied");
                }
            });
        }
        let mut xml = Xml::default();
        xml.text("DBParameterGroupName", name);
        Ok(xml)
    }

    /// Hands an instance's parameters to its server; what is static there waits for a restart.
    pub(super) async fn apply_parameters(&self, resource_id: &str) -> Result<(), Fault> {
        let (server, settings) = {
            let state = self.state();
            let instance = state.by_id(resource_id)?;
            (instance.server()?, state.settings_of(instance))
        };
        let waiting = server.set_parameters(&settings).await;
        let waiting = waiting.map_err(Fault::internal)?;
        tracing::debug!(resource_id, ?waiting, "parameters were handed over");
        Ok(())
    }
}

impl State {
    /// A group of this name; RDS's own exist for every major version.
    pub fn group(&self, name: &str) -> Result<ParameterGroup, Fault> {
        if let Some(group) = self.groups.get(name) {
            return Ok(group.clone());
        }
        let major = name.strip_prefix("default.postgres");
        let major = major.and_then(|major| major.parse().ok());
        let group = major.map(ParameterGroup::default_of);
        group.ok_or_else(|| Fault::no_group(name))
    }

    /// What an instance's server runs with.
    pub fn settings_of(&self, instance: &super::model::Instance) -> BTreeMap<String, String> {
        let mut settings = self.group(&instance.group).unwrap_or_default().settings();
        if instance.read_only {
            settings.insert("default_transaction_read_only".to_owned(), "on".to_owned());
        }
        settings
    }

    /// Notes new values, and returns the instances that run with them.
    fn change_group(
        &mut self,
        name: &str,
        changes: Vec<Change>,
        waits: bool,
    ) -> Result<Vec<String>, Fault> {
        let group = self.groups.get_mut(name);
        let group = group.ok_or_else(|| Fault::no_group(name))?;
        if group.is_default() {
            return Err(Fault::invalid_value(
                "Default parameter groups can't be modified.",
            ));
        }
        let values = changes.into_iter().map(|it| (it.name, it.value));
        group.values.extend(values);
        let users = self.instances.values_mut().filter(|it| it.group == name);
        let users = users.filter(|it| it.server.is_some() && it.status != InstanceStatus::Deleting);
        Ok(users
            .map(|instance| {
                instance.pending_reboot |= waits;
                instance.resource_id.clone()
            })
            .collect())
    }
}
