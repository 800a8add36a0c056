//! The question to a person, with everything that is known by then, and how to answer.

use crate::alarms::Verdict;
use crate::notice::{Notice, region};
use crate::record::{Record, Ticket};
use crate::request::WayBack;
use serde::{Deserialize, Serialize};

/// What a person is asked during a wait. An alarm still ends the wait.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// What it is about.
    pub about: About,
    /// How long an answer is waited for, in seconds: the state's timeout.
    pub seconds: u32,
    /// What the steps before have found, a sentence each.
    pub found: Vec<String>,
}

/// What a question is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum About {
    /// Whether the writes move.
    Switchover,
    /// Whether it goes on although the alarms are inconclusive.
    Alarms,
}

/// A function whose answer is lost asks again, for a wait of its own.
const NEWEST: &str = "If a newer message asks the same, answer that one.";

/// The message that asks. `until` is when the question ends, in words; `alarms` is what they show now. The
/// token permits an answer, so only the commands contain it, and they are not sent to a chat.
#[must_use]
pub fn asked(
    record: &Record,
    question: &Question,
    alarms: &Verdict,
    token: &str,
    until: &str,
) -> Notice {
    let plan = &record.plan;
    let versions = format!("{} -> {}", plan.from_version, plan.to_version);
    let commands = Some(commands(&record.ticket, token));
    match question.about {
        About::Switchover => Notice {
            what: format!("{versions} waits for your approval"),
            happened: format!(
                "Green is ready; the writes are still on blue. This is known now:\n\n{}",
                checklist(record, question, alarms).join("\n")
            ),
            next: format!(
                "If you say yes, lag, marker and alarms are checked once more, and the writes move to {} if all is well within a quarter of an hour. If you say no, or without an answer until {until}, the upgrade is rolled back. An alarm ends the wait as well.",
                plan.to_version
            ),
            todo: format!("Say yes or no. {NEWEST}"),
            commands,
            ..Notice::of("approval", &record.ticket)
        },
        About::Alarms => Notice {
            what: format!("{versions} is paused: its alarms are inconclusive"),
            happened: question.found.join("\n"),
            next: format!(
                "The reads stay where they are. If you say yes the upgrade goes on, if you say no it is rolled back. Without an answer until {until} the alarms are read again: it goes on if all of them are quiet then, and is rolled back if not."
            ),
            todo: format!("Look at what the alarms watch, and say yes or no. {NEWEST}"),
            commands,
            ..Notice::of("paused", &record.ticket)
        },
    }
}

/// The switchover's checklist, as far as it can be known before. The switchover itself looks once more.
fn checklist(record: &Record, question: &Question, alarms: &Verdict) -> Vec<String> {
    let request = &record.plan.request;
    let reads = match &record.plan.reads {
        Some(route) => format!("All reads of {} go to green.", route.name()),
        None => "Nothing routes the reads, so none were moved.".to_owned(),
    };
    let alarms = match (alarms, record.plan.alarms.len()) {
        (Verdict::Inconclusive(why), _) => format!("The alarms are inconclusive: {why}."),
        (Verdict::Quiet, 0) => "No alarm guards this upgrade.".to_owned(),
        (Verdict::Quiet, some) => format!("The alarms are quiet, all {some}."),
    };
    let rest = [
        reads,
        alarms,
        "The fence was rehearsed on green.".to_owned(),
        format!(
            "What comes before RDS's own part of the pause may take {} ms, or the switchover is called off.",
            request.max_write_pause_ms
        ),
        failback(record),
    ];
    let found = question.found.iter();
    let found = found.map(|line| format!("Before the reads moved: {line}"));
    found.chain(rest).map(|line| format!("- {line}")).collect()
}

/// What a failback after the switchover would cost.
fn failback(record: &Record) -> String {
    let hours = record.plan.request.watch_hours;
    match (record.plan.request.way_back, &record.plan.writes) {
        (WayBack::None, _) => {
            "There is no failback: after the switchover green goes on serving, and an alarm only calls you.".to_owned()
        }
        (WayBack::ReverseReplication, Some(writes)) => format!(
            "Failback is possible for {hours} h, with every write, by {}.",
            writes.title()
        ),
        (WayBack::ReverseReplication, None) => format!(
            "Failback is possible for {hours} h, with every write; without a route of your own that leads to the writer, instances are renamed, and RDS takes minutes for that."
        ),
    }
}

/// The commands that answer.
fn commands(ticket: &Ticket, token: &str) -> String {
    let place =
        region(&ticket.owner).map_or_else(String::new, |region| format!(" --region {region}"));
    let answer = |verb: &str, rest: &str| {
        format!("  aws stepfunctions send-task-{verb}{place} --task-token '{token}' {rest}")
    };
    format!(
        "Yes:\n\n{}\n\nNo:\n\n{}",
        answer("success", "--task-output '{}'"),
        answer(
            "failure",
            "--error Upgrade.Refused --cause 'a person said no'"
        )
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::{pointer, record};

    const TOKEN: &str = "AQCE-a-token";

    fn of(about: About, record: &Record, alarms: &Verdict) -> Notice {
        let question = Question {
            about,
            seconds: 3_600,
            found: vec!["Green is 0 bytes behind.".into(), "6 tables alike.".into()],
        };
        asked(record, &question, alarms, TOKEN, "2026-01-01 12:00 UTC")
    }

    #[test]
    fn a_question_names_all_that_is_known_and_until_when_it_waits() {
        let mail = of(About::Switchover, &record(), &Verdict::Quiet).mail();
        for said in [
            "- Before the reads moved: Green is 0 bytes behind.\n- Before the reads moved: 6 tables alike.\n- All reads of reads.shop.test go to green.\n",
            "- No alarm guards this upgrade.\n- The fence was rehearsed on green.\n",
            "may take 5000 ms",
            "without an answer until 2026-01-01 12:00 UTC",
        ] {
            assert!(mail.contains(said), "{said}: {mail}");
        }
    }

    #[test]
    fn inconclusive_alarms_are_never_called_quiet() {
        let blind = Verdict::Inconclusive("`errors` missing".into());
        let mail = of(About::Switchover, &record(), &blind).mail();
        assert!(
            mail.contains("The alarms are inconclusive: `errors` missing."),
            "{mail}"
        );
        assert!(!mail.contains("quiet"), "{mail}");
    }

    #[test]
    fn what_a_failback_costs_is_said_before_it_is_too_late() {
        let said = |change: &dyn Fn(&mut Record)| {
            let mut record = record();
            change(&mut record);
            failback(&record)
        };
        assert!(said(&|_| {}).contains("RDS takes minutes"));
        let quick = said(&|record| record.plan.writes = Some(pointer("orders.rds.test", 5)));
        assert!(quick.contains("by the record writes.shop.test"), "{quick}");
        let none = said(&|record| record.plan.request.way_back = WayBack::None);
        assert!(none.starts_with("There is no failback"), "{none}");
    }

    #[test]
    fn the_commands_answer_this_question_in_its_region_and_only_by_mail() {
        for about in [About::Switchover, About::Alarms] {
            let notice = of(about, &record(), &Verdict::Quiet);
            let mail = notice.mail();
            let yes = "aws stepfunctions send-task-success --region eu-west-1 --task-token 'AQCE-a-token' --task-output '{}'\n";
            let no = "aws stepfunctions send-task-failure --region eu-west-1 --task-token 'AQCE-a-token' --error Upgrade.Refused";
            assert!(mail.contains(yes) && mail.contains(no), "{mail}");
            assert!(!notice.chat().to_string().contains(TOKEN));
            assert!(!notice.subject().contains(TOKEN));
        }
    }
}
