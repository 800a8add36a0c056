//! One switch by hand, in either direction: the fence, the proof, the sequences, the names, the opening.

use crate::app::roles;
use anyhow::Result;
use futures_util::future::try_join;
use local_rds::postgres::{Lanes, drain};
use std::time::Instant;
use tokio_postgres::{Client, Error};

/// What each part of a pause took, in milliseconds.
pub type Laps = Vec<(String, f64)>;

/// Switches by these lanes. `repoint` makes the names lead to the target.
pub(super) async fn cross(lanes: &Lanes, repoint: impl FnOnce()) -> Result<Laps> {
    close(&lanes.target).await?;
    let mut laps = Stopwatch::start();
    close(&lanes.source).await?;
    laps.lap("fence");
    carry_over(lanes, &mut laps).await?;
    repoint();
    admit(&lanes.target, true).await?;
    laps.lap("opening");
    lanes.cut().await?;
    Ok(laps.laps)
}

/// The source's last changes and its sequences, until no session was found inside after them: a session that was being let
/// in when the fence rose is seen only then.
async fn carry_over(lanes: &Lanes, laps: &mut Stopwatch) -> Result<()> {
    loop {
        let ((), values) = try_join(lanes.catch_up(), lanes.sequences()).await?;
        laps.lap("level");
        lanes.set_sequences(&values).await?;
        laps.lap("sequences");
        if !drain(&lanes.source).await? {
            return Ok(());
        }
    }
}

/// The application's roles can't log in, and no client's session is left.
async fn close(admin: &Client) -> Result<(), Error> {
    admit(admin, false).await?;
    drain(admin).await.map(drop)
}

async fn admit(admin: &Client, allowed: bool) -> Result<(), Error> {
    let word = if allowed { "LOGIN" } else { "NOLOGIN" };
    let alter = roles().map(|role| format!("ALTER ROLE {role} {word};"));
    // One message with several statements is one transaction.
    admin.batch_execute(&alter.collect::<String>()).await
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
