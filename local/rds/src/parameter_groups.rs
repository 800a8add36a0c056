//! Operations on DB parameter groups.

use super::fault::Fault;
use super::model::{InstanceStatus, ParameterGroup, State, Tags, read_tags};
use super::wire::{Filters, Form, Page, Paging, Render, Request, Xml};
use super::{Rds, names};
use crate::postgres::parameters::{self, ApplyType};
use crate::postgres::version::family;
use std::collections::BTreeMap;

/// `CreateDBParameterGroup`.
#[derive(Debug)]
pub struct CreateGroup {
    name: String,
    family: String,
    description: String,
    tags: Tags,
}

impl Request for CreateGroup {
    fn read(form: &mut Form) -> Result<Self, Fault> {
        Ok(Self {
            name: form.required("DBParameterGroupName")?.to_lowercase(),
            family: form.required("DBParameterGroupFamily")?,
            description: form.required("Description")?,
            tags: read_tags(form)?,
        })
    }
}

/// `ModifyDBParameterGroup`.
#[derive(Debug)]
pub struct ModifyGroup {
    name: String,
    changes: Vec<Change>,
}

#[derive(Debug)]
struct Change {
    name: String,
    value: String,
    immediate: bool,
}

impl Request for ModifyGroup {
    fn read(form: &mut Form) -> Result<Self, Fault> {
        let name = form.required("DBParameterGroupName")?;
        let changes = form.list("Parameters").into_iter().map(|mut it| {
            Ok(Change {
                name: it.required("ParameterName")?,
                value: it.required("ParameterValue")?,
                immediate: it.text("ApplyMethod").as_deref() == Some("immediate"),
            })
        });
        Ok(Self {
            name,
            changes: changes.collect::<Result<_, Fault>>()?,
        })
    }
}

impl Change {
    /// Refuses what RDS refuses; tells whether it waits for a restart.
    fn check(&self) -> Result<bool, Fault> {
        let unknown =
            || Fault::invalid_value(format!("Could not find parameter with name: {}", self.name));
        let apply = ApplyType::of(&self.name).ok_or_else(unknown)?;
        if apply == ApplyType::Static && self.immediate {
            return Err(Fault::invalid_combination(format!(
                "cannot use immediate apply method for static parameter {}",
                self.name
            )));
        }
        Ok(!self.immediate)
    }
}

/// `DescribeDBParameterGroups`.
#[derive(Debug)]
pub struct DescribeGroups {
    name: Option<String>,
    paging: Paging,
}

impl Request for DescribeGroups {
    fn read(form: &mut Form) -> Result<Self, Fault> {
        Filters::read(form, &[])?;
        Ok(Self {
            name: form.text("DBParameterGroupName"),
            paging: Paging::read(form)?,
        })
    }
}

/// `DescribeDBParameters`.
#[derive(Debug)]
pub struct DescribeParameters {
    group: String,
    source: Option<String>,
    paging: Paging,
}

impl Request for DescribeParameters {
    fn read(form: &mut Form) -> Result<Self, Fault> {
        Filters::read(form, &[])?;
        Ok(Self {
            group: form.required("DBParameterGroupName")?,
            source: form.text("Source"),
            paging: Paging::read(form)?,
        })
    }
}

/// What `ModifyDBParameterGroup` answers.
#[derive(Debug)]
pub struct GroupName(String);

impl Render for GroupName {
    fn render(&self, xml: &mut Xml) {
        xml.text("DBParameterGroupName", &self.0);
    }
}

/// What `CreateDBParameterGroup` answers.
#[derive(Debug)]
pub struct Created(ParameterGroup);

impl Render for Created {
    fn render(&self, xml: &mut Xml) {
        xml.nest("DBParameterGroup", |xml| self.0.render(xml));
    }
}

/// One parameter of a group.
#[derive(Debug)]
pub struct Parameter {
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
        xml.text("ApplyType", self.apply.as_str());
        xml.text("DataType", "string");
        xml.text("IsModifiable", true);
        xml.text(
            "ApplyMethod",
            match self.apply {
                ApplyType::Static => "pending-reboot",
                ApplyType::Dynamic => "immediate",
            },
        );
    }
}

impl Rds {
    pub(super) fn create_group(&self, request: CreateGroup) -> Result<Created, Fault> {
        let offered = self.offered_versions();
        if !offered.iter().any(|it| family(it) == request.family) {
            return Err(Fault::invalid_value(format!(
                "ParameterGroupFamily {} is not a valid parameter group family",
                request.family
            )));
        }
        if !names::is_identifier(&request.name, 255) {
            return Err(Fault::invalid_value(
                "The parameter DBParameterGroupName is not a valid identifier.",
            ));
        }
        let mut state = self.state();
        if state.groups.contains_key(&request.name) {
            return Err(Fault::new(
                "DBParameterGroupAlreadyExists",
                format!("Parameter group {} already exists", request.name),
            ));
        }
        let group = ParameterGroup {
            name: request.name.clone(),
            family: request.family,
            description: request.description,
            values: BTreeMap::new(),
            tags: request.tags,
        };
        state.groups.insert(request.name, group.clone());
        Ok(Created(group))
    }

    pub(super) fn describe_groups(
        &self,
        request: &DescribeGroups,
    ) -> Result<Page<ParameterGroup>, Fault> {
        let state = self.state();
        let groups = match &request.name {
            Some(name) => vec![state.group(name)?],
            None => state.groups.values().cloned().collect(),
        };
        Page::of(
            ("DBParameterGroups", "DBParameterGroup"),
            groups,
            &request.paging,
        )
    }

    pub(super) fn describe_parameters(
        &self,
        request: &DescribeParameters,
    ) -> Result<Page<Parameter>, Fault> {
        let group = self.state().group(&request.group)?;
        let parameters = parameters::all().map(|(name, apply)| Parameter {
            name,
            apply,
            value: group.values.get(name).cloned(),
        });
        let wanted = |it: &Parameter| {
            request
                .source
                .as_deref()
                .is_none_or(|source| source == it.source())
        };
        Page::of(
            ("Parameters", "Parameter"),
            parameters.filter(wanted).collect(),
            &request.paging,
        )
    }

    pub(super) fn modify_group(&self, request: ModifyGroup) -> Result<GroupName, Fault> {
        let mut waits = false;
        for change in &request.changes {
            waits |= change.check()?;
        }
        let mut state = self.state();
        let users = state.change_group(&request, waits)?;
        drop(state);
        for resource_id in users {
            let rds = self.clone();
            tokio::spawn(async move {
                if let Err(error) = rds.apply_parameters(&resource_id).await {
                    tracing::error!(%error, resource_id, "parameters were not applied");
                }
            });
        }
        Ok(GroupName(request.name))
    }

    /// Hands an instance's parameters to its server; what is static there waits for a restart.
    pub(super) async fn apply_parameters(&self, resource_id: &str) -> Result<(), Fault> {
        let (server, settings) = {
            let state = self.state();
            let gone = || Fault::no_instance(resource_id);
            let instance = state.instances.get(resource_id).ok_or_else(gone)?;
            (instance.server()?, state.settings_of(instance))
        };
        let waiting = server
            .set_parameters(&settings)
            .await
            .map_err(Fault::internal)?;
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
        let major = name
            .strip_prefix("default.postgres")
            .and_then(|major| major.parse().ok());
        major
            .map(ParameterGroup::default_of)
            .ok_or_else(|| Fault::no_group(name))
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
    fn change_group(&mut self, request: &ModifyGroup, waits: bool) -> Result<Vec<String>, Fault> {
        let group = self
            .groups
            .get_mut(&request.name)
            .ok_or_else(|| Fault::no_group(&request.name))?;
        if group.is_default() {
            return Err(Fault::invalid_value(
                "Default parameter groups can't be modified.",
            ));
        }
        for change in &request.changes {
            group
                .values
                .insert(change.name.clone(), change.value.clone());
        }
        let users = self
            .instances
            .values_mut()
            .filter(|it| it.group == request.name);
        let users = users.filter(|it| it.server.is_some() && it.status != InstanceStatus::Deleting);
        Ok(users
            .map(|instance| {
                instance.pending_reboot |= waits;
                instance.resource_id.clone()
            })
            .collect())
    }
}
