//! One switch by hand, in either direction: the fence, the proof, the sequences, the names, the opening.

use super::site::Lane;
use crate::app::READER;
use crate::app::shop::SHOPS;
use anyhow::Result;
use futures_util::future::{try_join, try_join_all};
use local_rds::postgres::sequences::Reading;
use local_rds::postgres::{Server, catch_up, link};
use std::time::{Duration, Instant};
use tokio_postgres::{Client, Error};

/// What each part of a pause took, in milliseconds.
pub type Laps = Vec<(String, f64)>;

/// A switch whose sessions are open.
pub(super) struct Crossing {
    source: Client,
    target: Client,
    tracks: Vec<Track>,
    subscriptions: Vec<String>,
}

/// One database of the server.
struct Track {
    source: Client,
    target: Client,
    sequences: Reading,
    subscription: String,
}

impl Track {
    async fn open(source: &Server, target: &Server, lane: &Lane) -> Result<Self> {
        let database = &lane.database;
        let sessions = try_join(
            link::session(source, database),
            link::session(target, database),
        );
        let (source, target) = sessions.await?;
        Ok(Self {
            sequences: Reading::plan(&source).await?,
            source,
            target,
            subscription: lane.subscription.clone(),
        })
    }
}

impl Crossing {
    /// Opens everything that the pause needs.
    pub(super) async fn open(source: &Server, target: &Server, lanes: &[Lane]) -> Result<Self> {
        let tracks = lanes.iter().map(|lane| Track::open(source, target, lane));
        let tracks = try_join_all(tracks).await?;
        Ok(Self {
            source: link::session(source, "postgres").await?,
            target: link::session(target, "postgres").await?,
            subscriptions: tracks
                .iter()
                .map(|track| track.subscription.clone())
                .collect(),
            tracks,
        })
    }

    /// Switches. `repoint` makes the names lead to the target.
    pub(super) async fn cross(self, repoint: impl FnOnce()) -> Result<Laps> {
        close(&self.target).await?;
        let mut laps = Stopwatch::start();
        close(&self.source).await?;
        laps.lap("fence");
        self.carry_over(&mut laps).await?;
        repoint();
        admit(&self.target, true).await?;
        laps.lap("opening");
        let drops = self.tracks.iter();
        let drops = drops.map(|track| link::drop_subscription(&track.target, &track.subscription));
        try_join_all(drops).await?;
        Ok(laps.laps)
    }

    /// The source's last changes and its sequences, until nobody was found inside after them: a session that was being let
    /// in when the fence rose is seen only then.
    async fn carry_over(&self, laps: &mut Stopwatch) -> Result<()> {
        loop {
            let level = catch_up::reach(&self.source, &self.target, &self.subscriptions);
            let read = self
                .tracks
                .iter()
                .map(|track| track.sequences.read(&track.source));
            let ((), values) = try_join(level, try_join_all(read)).await?;
            laps.lap("level");
            let write = self.tracks.iter().zip(&values);
            let write = write.map(|(track, values)| values.write(&track.target));
            try_join_all(write).await?;
            laps.lap("sequences");
            if !drain(&self.source).await? {
                return Ok(());
            }
        }
    }
}

/// The application's roles can't log in, and none of its sessions is left.
async fn close(admin: &Client) -> Result<(), Error> {
    admit(admin, false).await?;
    drain(admin).await.map(drop)
}

fn roles() -> Vec<&'static str> {
    SHOPS
        .iter()
        .map(|shop| shop.owner)
        .chain([READER])
        .collect()
}

async fn admit(admin: &Client, allowed: bool) -> Result<(), Error> {
    let word = if allowed { "LOGIN" } else { "NOLOGIN" };
    let alter = roles()
        .into_iter()
        .map(|role| format!("ALTER ROLE {role} {word};"));
    // One message with several statements is one transaction.
    admin.batch_execute(&alter.collect::<String>()).await
}

/// Ends the application's sessions until there are none. Returns whether there were any.
async fn drain(admin: &Client) -> Result<bool, Error> {
    let terminate = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
                     WHERE backend_type = 'client backend' AND usename = ANY ($1)";
    let terminate = admin.prepare(terminate).await?;
    let mut any = false;
    loop {
        let left: i64 = admin.query_one(&terminate, &[&roles()]).await?.get(0);
        if left == 0 {
            return Ok(any);
        }
        any = true;
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

struct Stopwatch {
    since: Instant,
    laps: Laps,
}

impl Stopwatch {
    fn start() -> Self {
        Self {
            since: Instant::now(),
            laps: Laps::new(),
        }
    }

    fn lap(&mut self, name: &str) {
        let took = self.since.elapsed().as_secs_f64() * 1000.0;
        self.laps.push((name.to_owned(), took));
        self.since = Instant::now();
    }
}
