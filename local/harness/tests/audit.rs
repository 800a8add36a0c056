//! The audit itself: it sees what it is there to see, and broken connections give it nothing to see.

use anyhow::{Context, Result};
use local::app::audit::{Books, Kind, Report, audit};
use local::app::ledger::{self, Action, Entry, Event};
use local::app::schema::{self, Seed};
use local::app::{Application, Doors, PASSWORD, Settings};
use local::scenario::world::databases;
use local_aws::keeper::Keeper;
use local_aws::memory::run_folder;
use local_rds::postgres::dial::{Address, trusting};
use local_rds::postgres::{Host, Server, ServerSpec, StopMode, roles};
use std::path::PathBuf;
use std::time::Duration;

/// One server with the application's tables, in a run's folder of its own.
struct Bench {
    keeper: Keeper,
    server: Server,
    doors: Doors,
    settings: Settings,
    seeds: Vec<Seed>,
}

impl Bench {
    async fn new(name: &str) -> Result<Self> {
        let host = Host::alone(&run_folder(name))?;
        let spec = ServerSpec {
            id: "db-audit".to_owned(),
            version: "16.14".to_owned(),
            names: vec!["orders.rds.test".to_owned()],
            parameters: [("log_min_messages".to_owned(), "fatal".to_owned())].into(),
        };
        let server = host.create(spec).await?;
        roles::create_master(&server.admin("postgres").await?, "viridian", PASSWORD).await?;
        let address = Address::Fixed {
            host: "orders.rds.test".to_owned(),
            at: server.address().into(),
        };
        let doors = Doors {
            writer: address.clone(),
            reader: address,
            tls: trusting(host.authority.ca_pem())?,
        };
        let settings = Settings {
            readers: 4,
            rows: 24_000,
            ..Settings::default()
        };
        let seeds = schema::install(&doors, "postgres", "viridian", settings.rows).await?;
        Ok(Self {
            keeper: host.keeper.clone(),
            server,
            doors,
            settings,
            seeds,
        })
    }

    fn ledger(&self) -> PathBuf {
        self.keeper.folder().join("ledger.tsv")
    }

    async fn audit(&self, entries: &[Entry]) -> Result<Report> {
        let now = databases(&self.server).await?;
        audit(&Books::of(entries), &self.seeds, &now, None).await
    }

    async fn write_for(&self, time: Duration) -> Result<Vec<Entry>> {
        let application = Application::start(&self.doors, &self.settings, &self.ledger()).await?;
        tokio::time::sleep(time).await;
        application.stop().await?;
        ledger::read(&self.ledger())
    }

    /// What the audit says while `sql` is done in `database`; it is undone afterwards.
    async fn with(&self, entries: &[Entry], database: &str, sql: &str) -> Result<Report> {
        let databases = databases(&self.server).await?;
        let changed = databases[database]
            .batch_execute(&format!("BEGIN; {sql}"))
            .await;
        changed.with_context(|| sql.to_owned())?;
        audit(&Books::of(entries), &self.seeds, &databases, None).await
    }

    /// What the audit says of a server on which `sql` was done and that is old now.
    async fn with_old(&self, entries: &[Entry], database: &str, sql: &str) -> Result<Report> {
        let old = databases(&self.server).await?;
        old[database]
            .batch_execute(&format!("BEGIN; {sql}"))
            .await?;
        let new = databases(&self.server).await?;
        audit(&Books::of(entries), &self.seeds, &new, Some(&old)).await
    }

    async fn end(self) -> Result<()> {
        self.keeper.end().await
    }
}

/// The last acknowledged commit of an action on a row that no later commit touches.
fn last(entries: &[Entry], database: &str, action: Action) -> Entry {
    let acked = entries
        .iter()
        .filter(|entry| entry.event == Event::Ack && entry.database == database);
    let mut wanted = acked.clone().filter(|entry| entry.action == action);
    let untouched = |entry: &&Entry| {
        !acked
            .clone()
            .any(|other| other.row == entry.row && other.number > entry.number)
    };
    wanted
        .rfind(untouched)
        .cloned()
        .expect("the writers did some of everything")
}

fn counts(report: &Report) -> [u64; 4] {
    [Kind::Lost, Kind::Doubled, Kind::Wrong, Kind::Stray].map(|kind| report.count(kind))
}

/// A statement that repeats an event as it is.
fn again(event: &str) -> String {
    let columns = "writer, number, action, order_id, version";
    format!("INSERT INTO order_events ({columns}) SELECT {columns} FROM {event}")
}

/// A statement that makes an invoice.
fn invoice(id: i64, writer: i32) -> String {
    format!("INSERT INTO invoices (id, account_id, writer, amount) VALUES ({id}, 1, {writer}, 1)")
}

const STRAY: &str = "INSERT INTO order_events (writer, number, action, order_id, version) VALUES (2, 1000000, 'place', 3, 1)";

#[tokio::test(flavor = "multi_thread")]
async fn every_planted_flaw_is_seen_and_nothing_else() -> Result<()> {
    let bench = Bench::new("audit").await?;
    let entries = bench.write_for(Duration::from_secs(3)).await?;
    let clean = bench.audit(&entries).await?;
    assert!(clean.is_clean() && clean.acknowledged > 500, "{clean:?}");

    let place = last(&entries, "orders", Action::Place);
    let change = last(&entries, "billing", Action::Change);
    let removed = last(&entries, "billing", Action::Remove);
    let event = format!(
        "order_events WHERE writer = {} AND number = {}",
        place.writer, place.number
    );
    let of_writer_1 = |entry: &&Entry| entry.event == Event::Ack && entry.writer == 1;
    let all_of_writer_1 = entries.iter().filter(of_writer_1).count() as u64;
    let (row, invoiced) = (place.row, change.row);
    let newer = format!("UPDATE orders SET version = version + 1 WHERE id = {row}");
    let older = format!("UPDATE invoices SET version = version - 1 WHERE id = {invoiced}");
    let unpaid = "DELETE FROM payments WHERE writer = 1".to_owned();
    let renamed = "UPDATE customers SET name = 'x' WHERE id = 7".to_owned();
    let of_before = "DELETE FROM orders WHERE id = 9".to_owned();
    // What is done, and how many losses, doubles, wrong rows and strays that makes.
    let in_orders = [
        (format!("DELETE FROM {event}"), [1, 0, 0, 0]),
        (format!("DELETE FROM orders WHERE id = {row}"), [1, 0, 0, 0]),
        (again(&event), [0, 1, 0, 0]),
        (format!("{0}; {0}", again(&event)), [0, 3, 0, 0]),
        (newer.clone(), [0, 0, 1, 0]),
        (renamed, [0, 0, 1, 0]),
        (of_before, [0, 0, 1, 0]),
        (STRAY.to_owned(), [0, 0, 0, 1]),
    ];
    let in_billing = [
        (unpaid, [all_of_writer_1, 0, 0, 0]),
        (older, [0, 0, 1, 0]),
        (invoice(removed.row, removed.writer), [0, 0, 1, 0]),
        (invoice(90_000_000, 1), [0, 0, 0, 1]),
    ];
    for (database, flaws) in [("orders", &in_orders[..]), ("billing", &in_billing)] {
        for (sql, expected) in flaws {
            let report = bench.with(&entries, database, sql).await?;
            assert_eq!(counts(&report), *expected, "{sql}: {:?}", report.findings);
        }
    }
    for sql in [STRAY, &newer] {
        let report = bench.with_old(&entries, "orders", sql).await?;
        assert_eq!(
            counts(&report),
            [0, 0, 0, 1],
            "on old, {sql}: {:?}",
            report.findings
        );
    }
    bench.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_connections_and_a_crash_neither_lose_nor_double() -> Result<()> {
    let bench = Bench::new("broken").await?;
    let application = Application::start(&bench.doors, &bench.settings, &bench.ledger()).await?;
    for round in 0..40 {
        tokio::time::sleep(Duration::from_millis(50)).await;
        if round == 20 {
            bench.server.restart(StopMode::Immediate).await?;
        }
        bench.server.drop_sessions().await?;
    }
    application.stop().await?;

    let entries = ledger::read(&bench.ledger())?;
    let looked_up = entries
        .iter()
        .filter(|entry| matches!(entry.event, Event::Found | Event::Absent));
    assert!(
        looked_up.count() > 0,
        "no commit's outcome was ever unknown"
    );
    let report = bench.audit(&entries).await?;
    assert!(report.is_clean() && report.acknowledged > 100, "{report:?}");
    bench.end().await
}
