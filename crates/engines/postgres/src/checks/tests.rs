//! Plans of a database, as what its server says changes.

mod login;
mod properties;

use crate::facts::{RoleSeen, Server};
use crate::samples::{database, server};
use domain::inspection::Seen;
use domain::plan::Verdict;
use domain::request::Strategy;
use domain::samples::{blockers, plan_of, verdict, well, with, writer};
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

    /// The plan of a server that is well but for a change.
    fn but(change: impl FnOnce(&mut Server)) -> Output {
        let mut asked = Self::well();
        change(&mut asked.server);
        asked.plan(&json!({}))
    }

    fn plan(mut self, extra: &Value) -> Output {
        self.seen.server = Ok(Box::new(self.server));
        plan_of(extra, &self.seen)
    }
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
    let planned = (output.outcome, output.plan.strategy);
    let in_place = (Outcome::Ready, Strategy::InPlace);
    assert_eq!(planned, in_place, "{}", output.text);
}

#[test]
fn everything_in_the_way_is_said_at_once() {
    let mut asked = Asked::well();
    writer(&mut asked.seen).backup_days = 0;
    asked.server.databases[1].keyless = vec!["public.events".into()];
    let output = asked.plan(&json!({}));
    assert_eq!(blockers(&output), ["backups on", "replica identity"]);
    for part in ["2 things are in the way", "billing.public.events"] {
        assert!(output.summary.contains(part), "{}", output.summary);
    }
}

fn some(name: &str) -> Vec<String> {
    vec![name.to_owned()]
}

#[test]
fn each_ill_is_found_by_its_own_check() {
    type Ill = (&'static str, fn(&mut Server));
    let ills: [Ill; 17] = [
        ("databases", |on| on.closed_databases = some("archive")),
        ("databases", |on| on.databases.push(database("template1"))),
        ("replicas follow", |on| on.streaming = 0),
        ("logical replication on", |on| {
            on.settings.wal_level = "replica".into();
        }),
        ("no foreign replication", |on| on.slots[0].logical = true),
        ("no foreign replication", |on| {
            on.subscriptions = some("cdc");
        }),
        ("slots and workers", |on| on.settings.replication_slots = 3),
        ("slots and workers", |on| on.settings.worker_processes = 3),
        ("replica identity", |on| {
            on.databases[0].keyless = some("log");
        }),
        ("row-level security", |on| {
            on.databases[0].hidden = some("log");
        }),
        ("column types", |on| {
            on.databases[0].unsupported_columns = some("t.c");
        }),
        ("our role", |on| on.us.signals_backends = false),
        ("our role", |on| on.databases[0].may_create = false),
        ("application roles", |on| {
            on.roles[1].ours_to_administer = false;
        }),
        ("application roles", |on| {
            on.roles.retain(RoleSeen::is_theirs);
        }),
        ("no way past the fence", |on| on.roles[1].superuser = true),
        ("no way past the fence", |on| {
            on.writing_settings = some("the role orders_app");
        }),
    ];
    for (name, ill) in ills {
        let output = Asked::but(ill);
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
        ("left behind", |on| on.databases[0].unlogged = some("cache")),
        ("left behind", |on| on.databases[0].large_objects = 4),
        ("left behind", |on| {
            on.databases[0].materialized_views = some("public.sums");
        }),
        ("extensions", |on| {
            on.databases[0].extensions = some("pg_cron");
        }),
        ("transactions", |on| on.oldest_transaction_seconds = 4000),
    ];
    for (name, worry) in worries {
        let output = Asked::but(worry);
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
    let unbounded = judged(&plain, |asked| asked.seen.green_group_bounds_slots = false);
    assert_eq!(unbounded, Some(Verdict::Warning));
}
