//! The machines that executions are started of.

use super::arn;
use super::definition::{Definition, substitute};
use super::error::Refusal;
use super::running::lock;
use super::service::States;
use domain::ids::Millis;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A state machine that executions can be started of.
#[derive(Debug, Clone)]
pub struct StateMachine {
    /// Its ARN.
    pub arn: String,
    /// Its name.
    pub name: String,
    /// Its role.
    pub role_arn: String,
    /// The text of its definition, substitutions done.
    pub text: String,
    /// The definition.
    pub definition: Arc<Definition>,
    /// When it was made.
    pub created_at: Millis,
    /// When it was last changed.
    pub updated_at: Millis,
}

impl States {
    /// Makes a machine, or changes it, from the text of its definition. Returns its ARN.
    ///
    /// # Errors
    /// `InvalidDefinition` with all faults and their paths; `InvalidName`.
    pub fn register(
        &self,
        name: &str,
        text: &str,
        substitutions: &BTreeMap<String, String>,
    ) -> Result<String, Refusal> {
        let text =
            substitute(text, substitutions).map_err(|faults| Refusal::definition(&faults))?;
        let role_arn = self.inner.place.role(name);
        Ok(self.define(name, text, role_arn)?.arn)
    }

    pub(super) fn define(
        &self,
        name: &str,
        text: String,
        role_arn: String,
    ) -> Result<StateMachine, Refusal> {
        arn::check_name(name)?;
        let definition = Definition::parse(&text).map_err(|faults| Refusal::definition(&faults))?;
        let arn = self.inner.place.machine(name);
        let now = Millis(jiff::Timestamp::now().as_millisecond());
        let mut machines = lock(&self.inner.machines);
        let machine = StateMachine {
            created_at: machines.get(&arn).map_or(now, |machine| machine.created_at),
            arn: arn.clone(),
            name: name.to_owned(),
            role_arn,
            text,
            definition: Arc::new(definition),
            updated_at: now,
        };
        machines.insert(arn, machine.clone());
        Ok(machine)
    }

    /// The ARN that a machine of this name has, or would have.
    #[must_use]
    pub fn machine_arn(&self, name: &str) -> String {
        self.inner.place.machine(name)
    }

    /// A machine by its ARN, which may name a version or an alias.
    ///
    /// # Errors
    /// `InvalidArn`, `StateMachineDoesNotExist`.
    pub fn machine(&self, machine_arn: &str) -> Result<StateMachine, Refusal> {
        let arn = arn::unqualified(machine_arn)?;
        let machines = lock(&self.inner.machines);
        machines.get(&arn).cloned().ok_or_else(|| {
            let message = format!("State Machine Does Not Exist: '{machine_arn}'");
            Refusal::new("StateMachineDoesNotExist", message)
        })
    }

    /// All machines.
    #[must_use]
    pub fn machines(&self) -> Vec<StateMachine> {
        lock(&self.inner.machines).values().cloned().collect()
    }
}
