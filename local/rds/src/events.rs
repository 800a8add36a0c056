//! What happened, as RDS tells it: operation `DescribeEvents`.

use super::fault::Fault;
use super::wire::{Form, Render, Xml, is};
use super::{Rds, names};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

/// Something that happened.
#[derive(Debug, Clone)]
pub struct Event {
    /// Such as `RDS-EVENT-0409`; EventBridge has it, `DescribeEvents` hasn't.
    pub id: &'static str,
    /// What it happened to.
    pub source: Source,
    /// The name of that.
    pub name: String,
    /// What happened, for a person.
    pub message: String,
    /// When.
    pub at: Timestamp,
}

/// What an event is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// An instance.
    Instance,
    /// A snapshot.
    Snapshot,
    /// A blue/green deployment.
    Deployment,
}

impl Source {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Instance => "db-instance",
            Self::Snapshot => "db-snapshot",
            Self::Deployment => "blue-green-deployment",
        }
    }

    const fn arn_kind(self) -> &'static str {
        match self {
            Self::Instance => "db",
            Self::Snapshot => "snapshot",
            Self::Deployment => "deployment",
        }
    }
}

impl Event {
    /// Something that happens now.
    pub fn now(id: &'static str, source: Source, name: &str, message: impl Into<String>) -> Self {
        Self {
            id,
            source,
            name: name.to_owned(),
            message: message.into(),
            at: Timestamp::now(),
        }
    }

    /// What EventBridge has of it: detail type, resource and detail. See "Overview of RDS event notification" for the form.
    #[must_use]
    pub fn on_the_bus(&self) -> (&'static str, String, Value) {
        let detail_type = match self.source {
            Source::Instance => "RDS DB Instance Event",
            Source::Snapshot => "RDS DB Snapshot Event",
            Source::Deployment => "RDS Blue Green Deployment Event",
        };
        let arn = names::arn(self.source.arn_kind(), &self.name);
        let detail = json!({
            "EventCategories": [self.category()],
            "SourceType": self.source.as_str().replace('-', "_").to_uppercase(),
            "SourceArn": arn,
            "Date": names::instant(self.at),
            "SourceIdentifier": self.name,
            "Message": self.message,
            "EventID": self.id,
        });
        (detail_type, arn, detail)
    }

    fn category(&self) -> &'static str {
        match self.id {
            "RDS-EVENT-0245" | "RDS-EVENT-0249" => "failure",
            "RDS-EVENT-0003" | "RDS-EVENT-0246" => "deletion",
            "RDS-EVENT-0005" | "RDS-EVENT-0042" | "RDS-EVENT-0244" => "creation",
            _ => "notification",
        }
    }
}

impl Render for Event {
    fn render(&self, xml: &mut Xml) {
        xml.text("SourceIdentifier", &self.name);
        xml.text("SourceType", self.source.as_str());
        xml.text("SourceArn", names::arn(self.source.arn_kind(), &self.name));
        xml.text("Message", &self.message);
        xml.texts("EventCategories", "EventCategory", [self.category()]);
        xml.text("Date", names::instant(self.at));
    }
}

impl Rds {
    /// `DescribeEvents`.
    pub(super) fn describe_events(&self, mut form: Form) -> Result<Xml, Fault> {
        let minutes = form.parsed("Duration")?.unwrap_or(60);
        let end = form.parsed("EndTime")?.unwrap_or_else(Timestamp::now);
        let duration = SignedDuration::from_mins(minutes);
        let (name, kind) = (form.text("SourceIdentifier"), form.text("SourceType"));
        let start: Timestamp = form.parsed("StartTime")?.unwrap_or(end - duration);
        let categories = form.texts("EventCategories");
        let (_, paging) = form.listing(&[])?;
        let wanted = |event: &&Event| {
            is(name.as_ref(), &event.name)
                && is(kind.as_ref(), event.source.as_str())
                && (start..=end).contains(&event.at)
                && (categories.is_empty() || categories.iter().any(|it| it == event.category()))
        };
        let state = self.state();
        let events = state.events.iter().filter(wanted).cloned().collect();
        Xml::page("Events", "Event", events, &paging)
    }

    pub(super) fn tell(&self, event: Event) {
        let (id, name, message) = (event.id, &event.name, &event.message);
        tracing::info!(id, name, message, "RDS event");
        let heard = event.clone();
        self.state().events.push(event);
        self.heard(&heard);
    }
}
