//! Operations on DB instances.

mod create;
mod delete;
mod describe;
mod frozen;
mod modify;
mod reboot;
mod replica;

pub use create::check_family;
pub use frozen::Frozen;

use super::Rds;
use super::events::{Event, Source};
use super::fault::Fault;
use super::model::{InstanceStatus, InstanceView};
use super::wire::{Render, Xml};
use std::future::Future;

/// One instance as an answer.
#[derive(Debug)]
pub struct One(pub InstanceView);

impl Render for One {
    fn render(&self, xml: &mut Xml) {
        xml.nest("DBInstance", |xml| self.0.render(xml));
    }
}

impl Rds {
    /// An instance as a client sees it now.
    pub(super) fn view(&self, resource_id: &str) -> Result<One, Fault> {
        let state = self.state();
        let instance = state.instances.get(resource_id);
        let instance = instance.ok_or_else(|| Fault::no_instance(resource_id))?;
        Ok(One(state.view(instance)))
    }

    pub(super) fn set_status(&self, resource_id: &str, status: InstanceStatus) {
        if let Some(instance) = self.state().instances.get_mut(resource_id) {
            instance.status = status;
        }
    }

    /// Works on an instance after its caller was answered. If that fails, the instance has failed.
    pub(super) fn work<F>(&self, resource_id: &str, work: impl FnOnce(Self) -> F)
    where
        F: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        let (rds, resource_id, work) = (self.clone(), resource_id.to_owned(), work(self.clone()));
        tokio::spawn(async move {
            if let Err(error) = work.await {
                tracing::error!(
                    resource_id,
                    error = format!("{error:#}"),
                    "an instance failed"
                );
                rds.set_status(&resource_id, InstanceStatus::Failed);
                rds.note(
                    &resource_id,
                    "RDS-EVENT-0031",
                    format!("DB instance failed: {error:#}"),
                );
            }
        });
    }

    /// Tells that something happened to an instance.
    pub(super) fn note(&self, resource_id: &str, id: &'static str, message: impl Into<String>) {
        let name = self.state().name_of(resource_id).map(str::to_owned);
        if let Some(name) = name {
            self.tell(Event::now(id, Source::Instance, &name, message));
        }
    }
}
