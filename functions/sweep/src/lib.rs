//! Reconciler: looks every minute at each upgrade under way, and repairs what a lost event left undone.

mod look;

use domain::fence::Fence;
use domain::record::Record;
use domain::reverse::Reverse;
use domain::steps::sweep::{Act, Output, acts, notice};
use futures_util::future::join_all;
use ports::{
    Access, Ended, Engine, Error, Executions, Item, Notices, Observation, Session, TaskTokens,
    Upgrades, World, Write,
};
use serde::de::IgnoredAny;
use serde_json::json;
use std::time::Duration;
use steps::{Call, Held, Servers, metrics, reverse};
use tracing::{info, warn};

/// What is left of the call when the records' time is over, to answer.
const SPARE: Duration = Duration::from_secs(3);

/// Sweeps over every upgrade, all at once. One that can't be swept is no reason to leave the others.
///
/// # Errors
///
/// If the table can't be read.
pub async fn run<W: World>(call: &Call<'_, W>, _event: IgnoredAny) -> Result<Output, Error> {
    let items = call.world.upgrades().all().await?;
    let within = call.remaining().saturating_sub(SPARE);
    let sweeps = items.iter().map(|item| sweep_within(call, item, within));
    let actions = join_all(sweeps).await.concat();
    let summary = match actions.len() {
        0 => "Nothing was left behind.".to_owned(),
        some => format!("{some} things were put right."),
    };
    Ok(Output { summary, actions })
}

async fn sweep_within<W: World>(call: &Call<'_, W>, item: &Item, within: Duration) -> Vec<String> {
    let swept = call.timeout(within, sweep(call, item)).await;
    swept.unwrap_or_else(|_| {
        warn!(database = %item.record.ticket.database, "not swept in time");
        vec![]
    })
}

/// What can't be put right now is no reason to leave the rest: the next sweep sees it again.
async fn sweep<W: World>(call: &Call<'_, W>, item: &Item) -> Vec<String> {
    let record = &item.record;
    let seen = look::look(call, record).await;
    let mut done = vec![];
    for action in acts(record, &seen) {
        let database = &record.ticket.database;
        match put_right(call, item, &action).await {
            Ok(()) => {
                info!(%database, act = ?action, "swept");
                done.push(format!("{database}: {action:?}"));
            }
            Err(failed) => warn!(%database, act = ?action, %failed, "not put right"),
        }
    }
    if let Err(failed) = follow(call, record).await {
        warn!(database = %record.ticket.database, %failed, "addresses not followed");
    }
    done
}

/// Brings what leads to addresses in step with the hosts that these belong to.
async fn follow<W: World>(call: &Call<'_, W>, record: &Record) -> Result<(), Error> {
    let routes = record.followed(call.now())?;
    if routes.is_empty() {
        return Ok(());
    }
    // Old's own name among them, which a switchover outside of Viridian has given it.
    let hosts = call.hosts(record).await?;
    for route in routes {
        let verify = async || call.verify_phase(record).await;
        routes::follow(call.world, &route, &hosts, verify).await?;
    }
    Ok(())
}

/// A notice is published before that is recorded: a retry may send a duplicate; losing one is worse.
async fn put_right<W: World>(call: &Call<'_, W>, item: &Item, action: &Act) -> Result<(), Error> {
    act(call, &item.record, action).await?;
    if let Some(notice) = notice(&item.record, action) {
        call.world.notices().publish(&notice).await?;
    }
    note(call, item, action).await
}

async fn act<W: World>(call: &Call<'_, W>, record: &Record, action: &Act) -> Result<(), Error> {
    match action {
        Act::EndWait(raised) => {
            if let Some(token) = record.token()
                && call.world.task_tokens().fail(token, raised).await? == Ended::Now
            {
                metrics::tell(call.world, &record.ticket, &Observation::Alarm);
            }
            Ok(())
        }
        Act::Restart(why) => restart(call, record, why).await,
        Act::LiftFence(fence) => lift(call, record, fence).await,
        Act::DropSlots(_) => drop_slots(call, record).await,
        Act::GiveUpFailback(_) | Act::Warn(_) => Ok(()),
    }
}

/// Starts the rollback machine, once in ten minutes at most for one state of the record.
async fn restart<W: World>(call: &Call<'_, W>, record: &Record, why: &str) -> Result<(), Error> {
    let ticket = &record.ticket;
    let upgrade = ticket.owner.as_str().rsplit(':').next().unwrap_or_default();
    let upgrade: String = upgrade.chars().take(40).collect();
    let attempt = call.now().0 / 600_000;
    let name = format!("sweep-{upgrade}-{}-{attempt}", ticket.epoch.0);
    let input = json!({
        "database": ticket.database, "owner": ticket.owner, "reason": why, "cause": "stopped",
    });
    call.world.executions().start_rollback(&name, &input).await
}

async fn lift<W: World>(call: &Call<'_, W>, record: &Record, stands: &Fence) -> Result<(), Error> {
    let servers = Servers::of(call, record);
    let maintenance = servers.engine().await?.maintenance();
    let id = &stands.resource_id;
    let session = servers.on(id, maintenance, Access::Write).await?;
    let lift = async |held: &mut Held<'_, W>| {
        held.verify().await?;
        session.lift(stands).await?;
        held.unfence(id).await
    };
    call.holding(&record.ticket, "sweep", lift).await
}

/// Drops every slot that can be dropped, whatever becomes of the others.
async fn drop_slots<W: World>(call: &Call<'_, W>, record: &Record) -> Result<(), Error> {
    let servers = Servers::of(call, record);
    let new = &record.green_writer()?.resource_id;
    let mut dropped = Ok(());
    for (database, link) in reverse::links(record) {
        let gone = async {
            let session = servers.on(new, database, Access::AsServed).await?;
            session.disarm(&link.name).await
        };
        dropped = dropped.and(gone.await);
    }
    dropped
}

/// Records what was done about the failback, unless the record has changed since it was found or a step holds it now; then
/// the next sweep sees what is left.
async fn note<W: World>(call: &Call<'_, W>, found: &Item, action: &Act) -> Result<(), Error> {
    let reverse = found.record.reverse.as_ref();
    let Some(noted) = reverse.and_then(|reverse| noted(reverse, action)) else {
        return Ok(());
    };
    let mut changed = found.record.clone();
    changed.reverse = Some(noted);
    let write = Write::Note {
        found,
        changed: &changed,
        now: call.now(),
    };
    if call.world.upgrades().write(write).await?.is_none() {
        info!(database = %changed.ticket.database, "the record is in use; noted by the next sweep");
    }
    Ok(())
}

/// The reverse replication as recorded after an act; `None` if the act does not concern it. The links stay also without
/// their slots: `retire` ends old's subscriptions by them.
fn noted(reverse: &Reverse, act: &Act) -> Option<Reverse> {
    let mut noted = reverse.clone();
    match act {
        Act::GiveUpFailback(why) | Act::DropSlots(why) => {
            noted.unavailable.get_or_insert_with(|| why.clone());
            noted.told = true;
        }
        Act::Warn(_) => noted.warned = true,
        Act::EndWait(_) | Act::Restart(_) | Act::LiftFence(_) => return None,
    }
    Some(noted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::reverse::{Link, Unavailable};

    #[test]
    fn slots_that_are_dropped_leave_their_links_to_retire() {
        let link = Link {
            name: "viridian_back_0".into(),
            position: "0/1".into(),
            tables: [].into(),
        };
        let reverse = Reverse {
            links: [("orders".to_owned(), link)].into(),
            subscribed: true,
            unavailable: None,
            warned: false,
            told: false,
        };
        let full = Act::DropSlots(Unavailable::since("the disk fills".into()));
        let noted = noted(&reverse, &full).expect("it is noted");
        assert_eq!(noted.links, reverse.links);
        assert!(noted.told && !noted.is_available());
    }
}
