//! The floor: the same steps scripted by hand against a pair of servers, with nothing in between. A workflow with the same
//! fence, the same proof and the same clients can hardly be quicker, so that what a workflow takes beyond it is its own.
//!
//! It is the quickest script that is safe. The way back is armed before the pause, not in it: both links ignore what the
//! other one brought (`origin = none`, which 16 and 18 both keep to), so that both may stand at the same time, no slot is
//! made or advanced in the pause, and the link that is not needed any more is dropped after it. RDS allows none of that
//! before its own switchover, which is a part of the distance.

mod crossing;
mod reverse;
mod site;

use crate::app::audit::{Books, Report, audit};
use crate::app::pause::{Pause, between, pause, pause_to};
use crate::app::tally::Tally;
use crate::app::{Application, Settings, ledger};
use crate::scenario::observe::{Observer, Sight};
use crate::scenario::summary::Side;
use crate::scenario::world::databases;
use anyhow::{Context, Result};
use crossing::{Laps, cross};
use local_rds::postgres::{Lanes, Server};
use site::{Green, Site};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// How long the application runs before, between and after the two switches.
const MARGIN: Duration = Duration::from_secs(3);

/// A run of the floor, before it starts.
pub struct Floor {
    /// The run's folder.
    pub folder: PathBuf,
    /// How much the application does.
    pub load: Settings,
    /// Who looks on.
    pub observer: Arc<dyn Observer>,
}

/// What a run of the floor came to.
#[derive(Debug)]
pub struct Measured {
    /// From blue to green.
    pub switchover: Switch,
    /// And back.
    pub rollback: Switch,
    /// The ledger against blue, which serves at the end, and against green.
    pub report: Report,
}

/// One switch.
#[derive(Debug)]
pub struct Switch {
    /// As the clients saw it.
    pub pause: Pause,
    /// What each part of it took, in milliseconds.
    pub laps: Laps,
}

impl Floor {
    /// Makes the pair, switches over and back under load, audits, and stops everything.
    ///
    /// # Errors
    /// When a step of it fails, or a switch was not seen by the clients.
    pub async fn run(&self) -> Result<Measured> {
        let site = Site::create(&self.folder, self.load.rows, &|what| self.say(what)).await?;
        let measured = self.at(&site).await;
        let stopped = site.stop().await;
        let measured = measured?;
        stopped?;
        Ok(measured)
    }

    fn say(&self, what: &str) {
        self.observer.see(&Sight::Preparing(what.to_owned()));
    }

    async fn at(&self, site: &Site) -> Result<Measured> {
        let path = self.folder.join("ledger.tsv");
        let application = Application::start(&site.doors, &self.load, &path).await?;
        let tally = application.tally.clone();
        let switched = self.switches(site, &tally).await;
        application.stop().await?;
        let (over, middle, back, green) = switched?;
        let acks = tally.acks();
        let missed = "the clients saw no switch";
        let switchover = pause(&between(&acks, 0, middle)).context(missed)?;
        let rollback = pause_to(&between(&acks, middle, u64::MAX), Side::Blue).context(missed)?;
        let books = Books::of(&ledger::read(&path)?);
        let (blue, green) = (databases(&site.blue).await?, databases(&green).await?);
        Ok(Measured {
            switchover: Switch {
                pause: switchover,
                laps: over,
            },
            rollback: Switch {
                pause: rollback,
                laps: back,
            },
            report: audit(&books, &site.seeds, &blue, Some(&green)).await?,
        })
    }

    /// Both switches, a moment between them, and green.
    async fn switches(&self, site: &Site, tally: &Tally) -> Result<(Laps, u64, Laps, Server)> {
        self.say("making green");
        let Green {
            writer: green,
            replica,
            links,
        } = site.make_green().await?;
        self.say("arming the way back");
        let reverse = reverse::arm(&site.blue, &green, &links).await?;
        site.lead_reads(&replica);
        tokio::time::sleep(MARGIN).await;

        self.say("switching over");
        let over = Lanes::open(&site.blue, &green, &links).await?;
        let over = cross(&over, || site.lead_writes(&green)).await?;
        tokio::time::sleep(MARGIN).await;
        let middle = tally.now();

        self.say("rolling back");
        let back = Lanes::open(&green, &site.blue, &reverse).await?;
        let back = cross(&back, || site.lead_writes(&site.blue)).await?;
        site.lead_reads(&site.blue_replica);
        tokio::time::sleep(MARGIN).await;
        Ok((over, middle, back, green))
    }
}
