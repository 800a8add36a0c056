//! The application under load: writers that keep a ledger, readers by a weighted name, and the audit of what is left.
//!
//! It knows nothing of the upgrade. It has the names of its servers, a nameserver, an authority to trust and a role to
//! log in as, and behaves as the clients of a production database do: it reconnects, resolves afresh when the TTL is
//! over, and never repeats a commit without looking whether the first one happened.

pub mod audit;
mod backoff;
pub mod ledger;
pub mod pause;
mod reader;
pub mod schema;
mod seat;
pub mod shop;
pub mod tally;
mod writer;

use anyhow::{Context, Result};
use ledger::Ledger;
use local_rds::postgres::dial::{Address, Dialer, Login};
use reader::Reader;
use shop::{SHOPS, Shop};
use std::path::Path;
use std::time::Duration;
use tally::Tally;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_postgres_rustls::MakeRustlsConnect;
use writer::{Pool, Writer};

/// The role that reads.
pub const READER: &str = "reader";
/// The password of all roles of the application. They exist on this machine only.
pub const PASSWORD: &str = "only-on-this-machine";

/// All roles of the application.
pub(crate) fn roles() -> impl Iterator<Item = &'static str> {
    SHOPS.iter().map(|shop| shop.owner).chain([READER])
}

/// How a role of this machine logs in to a database.
#[must_use]
pub fn login(database: &str, user: &str) -> Login {
    Login {
        database: database.to_owned(),
        user: user.to_owned(),
        password: PASSWORD.to_owned(),
    }
}

/// How much the application does.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Writers, half of them in each database.
    pub writers: u16,
    /// Commits per second that all writers together aim at.
    pub writes_per_second: f64,
    /// Clients that read.
    pub readers: u16,
    /// Time from one read of a client to its next.
    pub read_pace: Duration,
    /// A reading connection is replaced at about this age.
    pub lifetime: Duration,
    /// Rows in all tables before the application starts.
    pub rows: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            writers: 8,
            writes_per_second: 640.0,
            readers: 24,
            read_pace: Duration::from_millis(60),
            lifetime: Duration::from_millis(600),
            rows: 1_200_000,
        }
    }
}

/// How the application gets to its databases.
#[derive(Clone)]
pub struct Doors {
    /// Where the writer is.
    pub writer: Address,
    /// Where reads go.
    pub reader: Address,
    /// Whom to trust.
    pub tls: MakeRustlsConnect,
}

impl Doors {
    fn writer(&self, shop: &Shop) -> Result<Dialer> {
        self.dialer(&self.writer, shop.database, shop.owner)
    }

    fn reader(&self) -> Result<Dialer> {
        self.dialer(&self.reader, SHOPS[0].database, READER)
    }

    fn dialer(&self, address: &Address, database: &str, user: &str) -> Result<Dialer> {
        let login = login(database, user);
        Dialer::new(address.clone(), login, self.tls.clone())
    }
}

/// The running application.
pub struct Application {
    /// What the clients see.
    pub tally: Tally,
    stop: watch::Sender<bool>,
    writers: JoinSet<Result<()>>,
    readers: JoinSet<()>,
}

impl Application {
    /// Starts all clients. Whichever server takes the writes now is blue.
    ///
    /// # Errors
    /// When the writer can't be reached or the ledger can't be made.
    pub async fn start(doors: &Doors, settings: &Settings, ledger: &Path) -> Result<Self> {
        let tally = Tally::default();
        let blue = doors.writer(&SHOPS[0])?.dial().await;
        tally.set_blue(&blue.context("looking for blue")?.system);
        let mut application = Self {
            tally,
            stop: watch::Sender::new(false),
            writers: JoinSet::new(),
            readers: JoinSet::new(),
        };
        let ledger = Ledger::create(ledger)?;
        let pools = SHOPS.each_ref().map(|_| Pool::default());
        for id in 1..=settings.writers {
            let writer = application.writer(id, doors, settings, &pools, ledger.share()?)?;
            application.writers.spawn(writer.run());
        }
        for id in 1..=settings.readers {
            let reader = application.reader(id, doors, settings)?;
            application.readers.spawn(reader.run());
        }
        Ok(application)
    }

    /// Stops all clients; each writer sees its last commit to its end.
    ///
    /// # Errors
    /// When a writer could not keep its ledger, after which no audit means anything.
    pub async fn stop(mut self) -> Result<Tally> {
        // Without receivers there is no client to stop.
        self.stop.send(true).ok();
        while let Some(ended) = self.writers.join_next().await {
            ended.context("a writer panicked")??;
        }
        while let Some(ended) = self.readers.join_next().await {
            ended.context("a reader panicked")?;
        }
        Ok(self.tally)
    }

    fn writer(
        &self,
        id: u16,
        doors: &Doors,
        settings: &Settings,
        pools: &[Pool],
        ledger: Ledger,
    ) -> Result<Writer> {
        let database = usize::from(id) % SHOPS.len();
        let shop = &SHOPS[database];
        let writers = f64::from(settings.writers);
        Ok(Writer {
            id: i32::from(id),
            shop,
            dialer: doors.writer(shop)?.saying(seat::alone(id.into())),
            pool: pools[database].clone(),
            ledger,
            tally: self.tally.clone(),
            pace: Duration::from_secs_f64(writers / settings.writes_per_second),
            stop: self.stop.subscribe(),
        })
    }

    fn reader(&self, id: u16, doors: &Doors, settings: &Settings) -> Result<Reader> {
        Ok(Reader {
            id: id.into(),
            dialer: doors.reader()?,
            tally: self.tally.clone(),
            pace: settings.read_pace,
            lifetime: settings.lifetime,
            orders: schema::seeded_orders(settings.rows),
            stop: self.stop.subscribe(),
        })
    }
}
