//! Plans of a database, as what its server says changes.

mod login;
mod properties;

use crate::facts::{RoleSeen, Server};
use crate::samples::{database, server};
use domain::inspection::Seen;
use domain::plan::Verdict;
use domain::rds::Instance;
use domain::request::Strategy;
use domain::samples::{plan_of, well};
use domain::steps::plan::{Outcome, Output};
use serde_json::{Value, json};

/// What a plan is decided from, with the server's own part still at hand.
#[derive(Debug)]
struct Asked {
    seen: Seen,
    server: Server,
}

impl Asked {
    fn well() -> Self {
        Self {
            seen: well(),
            server: server(),
        }
    }

    fn plan(mut self, extra: &Value) -> Output {
        self.seen.server = Ok(Box::new(self.server));
        plan_of(extra, &self.seen)
    }
}

fn blockers(output: &Output) -> Vec<&str> {
    with(output, Verdict::Blocker)
}

fn with(output: &Output, verdict: Verdict) -> Vec<&str> {
    let checks = output.plan.checks.iter();
    let checks = checks.filter(|check| check.verdict == verdict);
    checks.map(|check| check.name.as_str()).collect()
}

/// The verdict on one check, if it was made.
fn verdict(output: &Output, name: &str) -> Option<Verdict> {
    let mut checks = output.plan.checks.iter();
    checks
        .find(|check| check.name == name)
        .map(|check| check.verdict)
}

fn writer(seen: &mut Seen) -> &mut Instance {
    seen.writer.as_mut().expect("there")
}

#[test]
fn a_server_that_is_well_goes_blue_green_to_a_major_version() {
    let output = Asked::well().plan(&json!({}));
    assert_eq!(output.outcome, Outcome::Ready, "{}", output.text);
    assert_eq!(output.plan.strategy, Strategy::BlueGreen);
    assert_eq!(output.plan.databases, ["orders", "billing"]);
    assert_eq!(output.plan.application_roles, ["orders_app", "reader"]);
    let passed = with(&output, Verdict::Pass).len();
    assert_eq!(passed, output.plan.checks.len(), "{}", output.text);
}

#[test]
fn a_minor_version_goes_in_place_and_needs_no_replication() {
    let mut asked = Asked::well();
    asked.server.settings.wal_level = "replica".into();
    asked.server.databases[0].keyless = vec!["public.log".into()];
    let output = asked.plan(&json!({"target_version": "16.15"}));
    assert_eq!(
        (output.outcome, output.plan.strategy),
        (Outcome::Ready, Strategy::InPlace),
        "{}",
        output.text
    );
}

#[test]
fn everything_in_the_way_is_said_at_once() {
    let mut asked = Asked::well();
    writer(&mut asked.seen).backup_days = 0;
    asked.server.databases[1].keyless = vec!["public.events".into()];
    let output = asked.plan(&json!({}));
    assert_eq!(blockers(&output), ["backups on", "replica identity"]);
    assert!(
        output.summary.contains("2 things are in the way")
            && output.summary.contains("billing.public.events"),
        "{}",
        output.summary
    );
}

#[test]
fn each_ill_is_found_by_its_own_check() {
    type Ill = (&'static str, fn(&mut Server));
    let ills: [Ill; 17] = [
        ("databases", |server| {
            server.closed_databases = vec!["archive takes none".into()];
        }),
        ("databases", |server| {
            server.databases.push(database("template1"));
        }),
        ("replicas follow", |server| server.streaming = 0),
        ("logical replication on", |server| {
            server.settings.wal_level = "replica".into();
        }),
        ("no foreign replication", |server| {
            server.slots[0].logical = true;
        }),
        ("no foreign replication", |server| {
            server.subscriptions = vec!["cdc".into()];
        }),
        ("slots and workers", |server| {
            server.settings.replication_slots = 3;
        }),
        ("slots and workers", |server| {
            server.settings.worker_processes = 3;
        }),
        ("replica identity", |server| {
            server.databases[0].keyless = vec!["public.log".into()];
        }),
        ("row-level security", |server| {
            server.databases[0].hidden = vec!["public.secrets".into()];
        }),
        ("column types", |server| {
            server.databases[0].unsupported_columns = vec!["t.c".into()];
        }),
        ("our role", |server| server.us.signals_backends = false),
        ("our role", |server| server.databases[0].may_create = false),
        ("application roles", |server| {
            server.roles[1].ours_to_administer = false;
        }),
        ("application roles", |server| {
            server.roles.retain(RoleSeen::is_theirs);
        }),
        ("no way past the fence", |server| {
            server.roles[1].superuser = true;
        }),
        ("no way past the fence", |server| {
            server.writing_settings = vec!["the role orders_app".into()];
        }),
    ];
    for (name, ill) in ills {
        let mut asked = Asked::well();
        ill(&mut asked.server);
        let output = asked.plan(&json!({}));
        assert_eq!(blockers(&output), [name], "{}", output.text);
    }
}

#[test]
fn a_replica_that_rds_says_is_ill_does_not_follow() {
    let mut asked = Asked::well();
    asked.seen.readers[0].replication = Some("error".into());
    assert_eq!(blockers(&asked.plan(&json!({}))), ["replicas follow"]);
}

#[test]
fn what_a_person_should_know_does_not_stop_the_upgrade() {
    type Worry = (&'static str, fn(&mut Server));
    let worries: [Worry; 5] = [
        ("left behind", |server| {
            server.databases[0].unlogged = vec!["public.cache".into()];
        }),
        ("left behind", |server| {
            server.databases[0].large_objects = 4;
        }),
        ("left behind", |server| {
            server.databases[0].materialized_views = vec!["public.sums".into()];
        }),
        ("extensions", |server| {
            server.databases[0].extensions = vec!["pg_cron".into()];
        }),
        ("transactions", |server| {
            server.oldest_transaction_seconds = 4000;
        }),
    ];
    for (name, worry) in worries {
        let mut asked = Asked::well();
        worry(&mut asked.server);
        let output = asked.plan(&json!({}));
        assert_eq!(with(&output, Verdict::Warning), [name]);
        assert_eq!(output.outcome, Outcome::Ready);
    }
}

#[test]
fn roles_that_the_request_names_are_the_ones_that_are_fenced() {
    let named = Asked::well().plan(&json!({"application_roles": ["orders_app"]}));
    assert_eq!(named.plan.application_roles, ["orders_app"]);
    assert_eq!(verdict(&named, "other logins"), Some(Verdict::Warning));
    for unfit in ["missing_role", "viridian"] {
        let output = Asked::well().plan(&json!({"application_roles": [unfit]}));
        assert_eq!(blockers(&output), ["application roles"], "{unfit}");
    }
}

#[test]
fn a_failback_needs_rights_and_a_group_unless_none_is_wanted() {
    let judged = |extra: &Value, change: fn(&mut Asked)| {
        let mut asked = Asked::well();
        change(&mut asked);
        verdict(&asked.plan(extra), "failback")
    };
    let plain = json!({});
    assert_eq!(judged(&plain, |_| {}), Some(Verdict::Pass));
    let lacking: [fn(&mut Asked); 5] = [
        |asked| asked.seen.green_group_is_logical = false,
        |asked| asked.server.us.replicates = false,
        |asked| asked.server.databases[0].foreign_owners = vec!["root".into()],
        |asked| asked.server.us.creates_subscriptions = false,
        |asked| asked.server.databases[0].may_publish = false,
    ];
    for change in lacking {
        assert_eq!(judged(&plain, change), Some(Verdict::Blocker));
        let none = json!({"way_back": "none"});
        assert_eq!(judged(&none, change), Some(Verdict::Warning));
    }
    assert_eq!(
        judged(&plain, |asked| asked.seen.green_group_bounds_slots = false),
        Some(Verdict::Warning)
    );
}
