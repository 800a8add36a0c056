//! What a run came to: a dozen lines for a person, and the same as JSON.

use super::kind::Kind;
use super::runs;
use super::spent::Spent;
use crate::app::audit::Finding;
use crate::numbers::thousands;
use local_aws::words::word;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Which side serves at the end.
pub use domain::fence::Side;

/// The receipt's file in the run's folder.
pub(super) const RECEIPT: &str = "receipt.json";

/// The file of the receipt of a way back.
pub(super) const BACK_RECEIPT: &str = "receipt-back.json";

/// Everything that a run came to. Only what was measured is there.
#[derive(Debug, Clone, Serialize)]
pub struct Summary {
    /// What was done to the upgrade.
    pub scenario: Kind,
    /// How the upgrade ended: `Completed`, `RolledBack`, `Rejected`, `NeedsOperator`, ….
    pub outcome: String,
    /// The primary's version at the start.
    pub from_version: String,
    /// The version that was asked for.
    pub to_version: String,
    /// Which side takes the writes at the end.
    pub serving: Side,
    /// Seconds from the start of the execution to its end.
    pub duration_s: f64,
    /// From the last commit acknowledged by blue to the first by green, over all writers; nothing without a switch.
    pub write_pause_ms: Option<f64>,
    /// The longest that one writer waited for an acknowledgement: across the switch, or anywhere if there was none.
    pub longest_client_wait_ms: f64,
    /// From the last commit acknowledged by green to the first by blue again; nothing without a way back.
    pub rollback_pause_ms: Option<f64>,
    /// The longest that one writer waited across the way back.
    pub longest_rollback_wait_ms: Option<f64>,
    /// From the alarm's event, after the switchover, to the first commit on blue.
    pub alarm_to_writes_ms: Option<f64>,
    /// Databases whose rows were alike on both sides at the moment of the way back.
    pub digests_alike: u64,
    /// RDS's share of the pause: until it said that every member had switched.
    pub rds_share_ms: Option<f64>,
    /// The rest of the pause: ours, and the clients' way back.
    pub our_share_ms: Option<f64>,
    /// Commits that the application was told are done.
    pub acknowledged: u64,
    /// Of these, how many are not there.
    pub lost: u64,
    /// Commits that are there more than once.
    pub doubled: u64,
    /// Rows that are not as they were acknowledged.
    pub wrong: u64,
    /// Rows that no writer wrote, or that only old has.
    pub stray: u64,
    /// From the alarm's event to the accepted records that lead to blue again.
    pub alarm_to_blue_ms: Option<f64>,
    /// From the accepted records to the last read that green answered.
    pub blue_to_last_green_read_ms: Option<f64>,
    /// Seconds for which clients may keep the address of reads during the upgrade.
    pub record_ttl_s: Option<u32>,
    /// The longest time in which no reader got an answer.
    pub read_outage_ms: f64,
    /// Reads that failed.
    pub read_errors: u64,
    /// Commits acknowledged per second, over the whole run.
    pub writes_per_second: f64,
    /// The shares of reads that were asked for, and those that were seen.
    pub ramp: Vec<Share>,
    /// Checks that the plan made.
    pub checks: u64,
    /// What the plan found in the way.
    pub findings: Vec<String>,
    /// Seconds until green was ready.
    pub green_ready_s: Option<f64>,
    /// Tables that were compared on both sides.
    pub tables: Option<u64>,
    /// Rows that were found alike on both sides.
    pub rows_alike: Option<u64>,
    /// What was injected, and that it was seen to happen.
    pub injected: Vec<String>,
    /// What the upgrade used of what AWS bills by use.
    pub spent: Spent,
    /// Each member of the database and its version at the end.
    pub members: Vec<String>,
    /// Where the switchover's receipt is, if there was one.
    pub receipt: Option<PathBuf>,
    /// Where the way back's receipt is, if there was one.
    pub back_receipt: Option<PathBuf>,
    /// What the audit found, the first few.
    pub audit: Vec<Finding>,
    /// In what the run did not end as it must. Empty means that it did.
    pub problems: Vec<String>,
}

/// A share of the reads.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Share {
    /// Percent for green, as asked for.
    pub asked: u8,
    /// Percent that green answered while that was in force; nothing if no reader read.
    pub seen: Option<f64>,
}

/// A line of the text: a label and two columns.
type Line = (&'static str, String, String);

impl Summary {
    /// Whether the run ended as it must.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.problems.is_empty()
    }

    /// The text for a person.
    #[must_use]
    pub fn text(&self) -> String {
        let lines = self.lines();
        let two_columns = lines.iter().filter(|(.., right)| !right.is_empty());
        let width = two_columns.map(|(_, left, _)| left.chars().count()).max();
        let width = width.unwrap_or(0);
        let mut text = format!("{}\n\n", self.heading());
        for (label, left, right) in lines {
            text.push_str(format!("  {label:<12} {left:<width$}  {right}").trim_end());
            text.push('\n');
        }
        for problem in &self.problems {
            text.extend(["  not as it must be: ", problem.as_str(), "\n"]);
        }
        text
    }

    fn heading(&self) -> String {
        let how = if self.scenario == Kind::Minor {
            "in place"
        } else {
            "blue/green"
        };
        let end = match self.outcome.as_str() {
            "Completed" => "upgraded in",
            "RolledBack" => "rolled back after",
            "Rejected" => "refused after",
            _ => "ended after",
        };
        let (from, to, seconds) = (&self.from_version, &self.to_version, self.duration_s);
        format!("orders   {from} → {to}   {how:<24} {end} {seconds:.0} s")
    }

    fn lines(&self) -> Vec<Line> {
        let alone = |label, what: &String| (label, what.clone(), String::new());
        let outage = format!("{:.0} ms", self.read_outage_ms);
        let errors = format!("{} read errors", thousands(self.read_errors));
        let mut lines = vec![self.plan_line()];
        lines.extend(self.findings.iter().map(|finding| alone("", finding)));
        lines.extend(self.green_line());
        lines.extend(self.reads_line());
        lines.extend(self.injected.iter().map(|what| alone("injected", what)));
        lines.extend(self.alarm_line());
        lines.push(self.pause_line());
        lines.extend(self.back_line());
        lines.push(self.commits_line());
        lines.push(("read outage", outage, errors));
        let members = self.members.join(" · ");
        lines.push(("serving", word(self.serving), members));
        lines.extend(self.receipt_line());
        lines
    }

    fn plan_line(&self) -> Line {
        let found = match self.findings.len() {
            0 => "nothing in the way".to_owned(),
            1 => "1 thing in the way".to_owned(),
            several => format!("{several} things in the way"),
        };
        let checks = format!("{} checks, {found}", self.checks);
        ("plan", checks, String::new())
    }

    fn green_line(&self) -> Option<Line> {
        let ready = format!("ready after {:.1} s", self.green_ready_s?);
        let alike = match (self.tables, self.rows_alike) {
            (Some(tables), Some(rows)) => {
                format!("{tables} tables, {} rows alike", thousands(rows))
            }
            _ => String::new(),
        };
        Some(("green", ready, alike))
    }

    fn reads_line(&self) -> Option<Line> {
        let asked = self.ramp.iter().map(|share| share.asked.to_string());
        let asked: Vec<String> = asked.collect();
        let seen = self.ramp.iter().map(|share| share.seen);
        let seen = seen.map(|seen| seen.map_or("?".to_owned(), |seen| format!("{seen:.1}")));
        let seen: Vec<String> = seen.collect();
        let (all, seen) = (asked.join(" → "), seen.join(" · "));
        (!asked.is_empty()).then(|| ("reads", format!("{all} %"), format!("seen {seen}")))
    }

    fn alarm_line(&self) -> Option<Line> {
        let accepted = format!("records on blue after {:.0} ms", self.alarm_to_blue_ms?);
        let ttl = self.record_ttl_s.unwrap_or(0);
        let last = self.blue_to_last_green_read_ms.map_or_else(
            || "no read on green after it".to_owned(),
            |last| format!("last read on green {last:.0} ms later, TTL {ttl} s"),
        );
        Some(("alarm", accepted, last))
    }

    fn pause_line(&self) -> Line {
        let longest = self.longest_client_wait_ms;
        let (pause, waited) = if let Some(pause) = self.write_pause_ms {
            let shares = self.rds_share_ms.zip(self.our_share_ms);
            let shares = shares.map(|(rds, ours)| format!("RDS {rds:.0} · ours {ours:.0} · "));
            let waited = format!("{}longest writer {longest:.0}", shares.unwrap_or_default());
            (format!("{pause:.0} ms"), waited)
        } else {
            let waited = format!("longest wait of a writer {longest:.0} ms");
            ("none, no switch".to_owned(), waited)
        };
        ("write pause", pause, waited)
    }

    fn back_line(&self) -> Option<Line> {
        let pause = format!("{:.0} ms", self.rollback_pause_ms?);
        let longest = self.longest_rollback_wait_ms.unwrap_or_default();
        let alarm = self.alarm_to_writes_ms;
        let alarm = alarm.map(|after| format!("writes on blue {after:.0} ms after the alarm · "));
        let waited = format!("{}longest writer {longest:.0}", alarm.unwrap_or_default());
        Some(("way back", pause, waited))
    }

    fn commits_line(&self) -> Line {
        let mut flaws = format!("{} lost · {} doubled", self.lost, self.doubled);
        if self.wrong + self.stray > 0 {
            flaws = format!("{flaws} · {} wrong · {} stray", self.wrong, self.stray);
        }
        let done = format!("{} acknowledged", thousands(self.acknowledged));
        ("commits", done, flaws)
    }

    fn receipt_line(&self) -> Option<Line> {
        let path = self.back_receipt.as_ref().or(self.receipt.as_ref())?;
        let file = path.file_name()?.to_string_lossy();
        let receipt = format!("{}/{file}", runs::shown(path.parent()?));
        Some(("receipt", receipt, String::new()))
    }
}
