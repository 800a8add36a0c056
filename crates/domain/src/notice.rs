//! What people are told: by mail, and in a chat.
//!
//! Each message says what happened, what happens next and what to do, and leads to the execution in the console.

mod console;

use crate::ids::Owner;
use crate::record::Ticket;
use console::{link, name};
use serde_json::{Value, json};

pub use console::region;

/// SNS takes subjects of fewer than 100 characters (`Publish` in its API reference).
const SUBJECT: usize = 99;
const PREFIX: &str = "Viridian: ";
/// As much of a database's name as a subject keeps, however much there is to say of it.
const SHORTEST_NAME: usize = 16;
/// Slack takes no longer text in a block, and Amazon Q Developer makes a block of the description.
const DESCRIPTION: usize = 3_000;

/// A message. It has no `Debug`, since its commands may hold a task token.
#[derive(Clone, PartialEq, Eq)]
pub struct Notice {
    /// What it is about, in a word that does not change.
    pub event: &'static str,
    /// Which database.
    pub database: String,
    /// What the subject says after the database's name.
    pub what: String,
    /// What happened.
    pub happened: String,
    /// What happens next.
    pub next: String,
    /// What to do.
    pub todo: String,
    /// Where to look.
    pub execution: Owner,
    /// The upgrade that it belongs to, whose messages are one thread.
    pub upgrade: Owner,
    /// How to answer, with a task token: for the mail alone.
    pub commands: Option<String>,
}

impl Notice {
    /// One of an upgrade, in which nothing is said yet.
    #[must_use]
    pub fn of(event: &'static str, ticket: &Ticket) -> Self {
        Self {
            event,
            database: ticket.database.to_string(),
            what: String::new(),
            happened: String::new(),
            next: String::new(),
            todo: String::new(),
            execution: ticket.owner.clone(),
            upgrade: ticket.owner.clone(),
            commands: None,
        }
    }

    /// The mail's subject, as SNS takes it.
    #[must_use]
    pub fn subject(&self) -> String {
        subject(&self.database, &self.what)
    }

    /// The mail's text.
    #[must_use]
    pub fn mail(&self) -> String {
        let commands = self.commands.as_deref().map(|how| format!("\n\n{how}"));
        format!(
            "{}\n\nWhat happens next: {}\n\nWhat to do: {}{}\n\nThe execution: {}\n",
            self.happened,
            self.next,
            self.todo,
            commands.unwrap_or_default(),
            self.place()
        )
    }

    /// The message in the schema of Amazon Q Developer's custom notifications (its page "Custom notifications").
    #[must_use]
    pub fn chat(&self) -> Value {
        let subject = self.subject();
        let answered = self
            .commands
            .as_ref()
            .map(|_| "The commands that answer are in the mail, and only there.");
        let steps = [self.todo.as_str()]
            .into_iter()
            .chain(answered)
            .map(str::to_owned);
        let steps = steps.chain([format!("Look at the execution: {}", self.place())]);
        let description = format!("{}\n\n{}", self.happened, self.next);
        json!({
            "version": "1.0",
            "source": "custom",
            "content": {
                "textType": "client-markdown",
                "title": subject,
                "description": shortened(&description, DESCRIPTION),
                "nextSteps": steps.collect::<Vec<_>>(),
                "keywords": ["Viridian", self.database, self.event],
            },
            "metadata": {
                "threadId": name(&self.upgrade),
                "summary": subject,
                "eventType": self.event,
                "relatedResources": [self.database, self.execution],
                "additionalContext": {"database": self.database, "upgrade": self.upgrade},
            },
        })
    }

    /// The console's page, or the ARN where no console is known.
    fn place(&self) -> String {
        link(&self.execution).unwrap_or_else(|| self.execution.to_string())
    }
}

/// A subject: one short line of printable ASCII, whatever is in it. The name gives way before what is said of it.
fn subject(database: &str, what: &str) -> String {
    let room = SUBJECT - PREFIX.len() - 1;
    let what = shortened(&plain(what), room - SHORTEST_NAME);
    let name = shortened(&plain(database), room - what.len());
    format!("{PREFIX}{name} {what}")
}

/// Printable ASCII in place of everything else.
fn plain(text: &str) -> String {
    let letters = text.trim().chars().map(|letter| match letter {
        ' '..='~' => letter,
        _ if letter.is_whitespace() => ' ',
        _ => '?',
    });
    letters.collect()
}

/// So many letters at most, with dots where there were more.
fn shortened(text: &str, longest: usize) -> String {
    if text.chars().count() <= longest {
        return text.to_owned();
    }
    let kept: String = text.chars().take(longest - 3).collect();
    format!("{kept}...")
}

#[cfg(test)]
mod tests;
