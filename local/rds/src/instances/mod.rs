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
use super::wire::Xml;
use std::future::Future;

impl Rds {
    /// An instance as a client sees it now.
    pub(super) fn view(&self, resource_id: &str) -> Result<Xml, Fault> {
        let state = &self.state();
        let instance = state.by_id(resource_id)?;
        let view = InstanceView { instance, state };
        Ok(Xml::one("DBInstance", &view))
    }

    pub(super) fn set_status(&self, resource_id: &str, status: InstanceStatus) {
        if let Some(instance) = self.state().instances.get_mut(resource_id) {
            instance.status = status;
        }
    }

    /// Answers with an instance, and works on it afterwards. If that fails, the instance has failed.
    pub(super) fn work<F>(
        &self,
        resource_id: String,
        work: impl FnOnce(Self, String) -> F,
    ) -> Result<Xml, Fault>
    where
        F: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        let (rds, work) = (self.clone(), work(self.clone(), resource_id.clone()));
        let view = self.view(&resource_id);
        tokio::spawn(async move {
            if let Err(error) = work.await {
                tracing::error!(resource_id, "an instance failed: {error:#}");
                rds.set_status(&resource_id, InstanceStatus::Failed);
                let message = format!("DB instance failed: {error:#}");
                rds.note(&resource_id, "RDS-EVENT-0031", message);
            }
        });
        view
    }

    /// Tells that something happened to an instance.
    pub(super) fn note(&self, resource_id: &str, id: &'static str, message: impl Into<String>) {
        let name = self.state().name_of(resource_id).map(str::to_owned);
        if let Some(name) = name {
            self.tell(Event::now(id, Source::Instance, &name, message));
        }
    }
}
