//! Brings a database back to blue: before the switchover by undoing what was done, after it by the link from green to old
//! blue, for an alarm or a person. Where it can't be done without a loss, green goes on serving and a person is asked.

mod back;
mod blue;
mod crossing;
mod green;
mod link;
mod look;
mod old;
mod reads;
mod servers;

use domain::error::StepError;
use domain::record::{Phase, Record};
use domain::rollback::{
    Act, Input, Order, Output, Rest, again, next, no_way_back, note, nothing, order, reads_first,
};
use effects::claims::{Claims, Held};
use effects::dns::Resolver;
use effects::error::Error;
use effects::metrics;
use effects::rds::{Deployments, Instances};
use effects::routes::Routes;
use effects::secrets::Secrets;
use effects::step::{Invocation, now};
use effects::tokens::Tokens;
use futures_util::future::join_all;
use green::Opened;
use look::{Looked, look};
use servers::Servers;
use std::time::Duration;
use tokio::time::timeout;
use tracing::{info, warn};

/// A wait that is shorter than this, in milliseconds, is spent in the call instead of going back to the state machine.
const SHORT: i64 = 10_000;
/// How long it may take to tell the upgrade's execution that it is over, which it would find out by itself.
const TOLD: Duration = Duration::from_secs(5);

/// Everything that a rollback touches.
pub struct World {
    /// The table of upgrades.
    pub claims: Claims,
    /// The weighted records.
    pub routes: Routes,
    /// The blue/green deployments.
    pub deployments: Deployments,
    /// The instances.
    pub instances: Instances,
    /// Our credentials.
    pub secrets: Secrets,
    /// Who knows the servers' addresses.
    pub resolver: Resolver,
    /// The waits of the upgrade's execution.
    pub tokens: Tokens,
    /// Seconds for which clients may keep an answer while reads are shared.
    pub ttl: u32,
}

/// Takes the database over, puts reads back, then does what is missing for blue to serve. It can stop anywhere; called
/// again it goes on from what it finds.
///
/// # Errors
///
/// `Upgrade.Refused` where green serves or where only a person can help; the claim is marked then.
pub async fn run(world: &World, input: Input, invocation: Invocation) -> Result<Output, Error> {
    match go(world, &input, &invocation).await {
        Err(busy) if is_worth_hours(&busy) => Ok(later(&busy.to_string(), vec![])),
        done => done,
    }
}

/// Whether it may be over in a moment, and the state machine asks for hours. A login that is refused for minutes is for a
/// person to mend.
fn is_worth_hours(failed: &Error) -> bool {
    failed.is_transient() && !failed.is_refused_login()
}

async fn go(world: &World, input: &Input, invocation: &Invocation) -> Result<Output, Error> {
    let Some(found) = meant(world, input).await? else {
        let never = format!("`{}` was never claimed.", input.database);
        return Ok(nothing(Rest::Unclaimed, never));
    };
    let input = &Input {
        database: found.ticket.database.clone(),
        ..input.clone()
    };
    let at_once = reads_first(&found);
    let record = match order(input, &found) {
        Order::Nothing(rest, summary) => return Ok(nothing(rest, summary)),
        Order::Again => return Ok(again(&found)),
        Order::Refuse(why) => return Err(StepError::refused(why).into()),
        Order::TakeOver(phase) => world.claims.raise_epoch(&found, phase).await?,
        Order::GoOn => found,
    };
    let at_once = at_once && record.phase == Phase::RollingBack;
    let mut rollback = Rollback {
        world,
        input,
        invocation,
        actions: vec![],
    };
    rollback.reads_first(&record, at_once).await;
    let hold = world.claims.hold(&record.ticket, "rollback", invocation);
    let output = match hold.await {
        Ok(held) => Box::pin(rollback.with_lease(held)).await?,
        Err(busy) if busy.is_transient() => rollback.later(&busy.to_string()),
        Err(refused) => return Err(refused),
    };
    Ok(Output {
        owner: Some(record.ticket.owner),
        ..output
    })
}

/// The record that an order is about. An event knows an upgrade's request only as it was typed or wrapped, so that the
/// execution counts and not the name.
async fn meant(world: &World, input: &Input) -> Result<Option<Record>, Error> {
    let database = input.database.as_str().to_lowercase();
    let found = world.claims.read(&database.as_str().into()).await?;
    let Some(owner) = &input.owner else {
        return Ok(found);
    };
    if found
        .as_ref()
        .is_some_and(|found| found.ticket.owner == *owner)
    {
        return Ok(found);
    }
    let all = world.claims.all().await?;
    let theirs = all.into_iter().find(|found| found.ticket.owner == *owner);
    Ok(theirs.or(found))
}

/// One call of a rollback, and what it did so far.
struct Rollback<'a> {
    world: &'a World,
    input: &'a Input,
    invocation: &'a Invocation,
    actions: Vec<String>,
}

impl Rollback<'_> {
    async fn with_lease(&mut self, mut held: Held<'_>) -> Result<Output, Error> {
        let done = self.until_done(&mut held).await;
        held.release().await;
        match done {
            Err(busy) if is_worth_hours(&busy) => Ok(self.later(&busy.to_string())),
            done => done,
        }
    }

    async fn until_done(&mut self, held: &mut Held<'_>) -> Result<Output, Error> {
        if let Some(execution) = &self.input.execution
            && held.record().rollback.as_ref() != Some(execution)
        {
            let execution = execution.clone();
            held.change(|record| record.rollback = Some(execution))
                .await?;
        }
        let servers = Servers::of(self.world, held.record());
        if held.record().phase == Phase::Returning {
            return self.back(held, &servers).await;
        }
        while now() < self.invocation.last_call() {
            let looked = look(self.world, held.record()).await?;
            let act = next(held.record(), &looked.seen, self.world.ttl);
            info!(?act, "decided");
            if let Some(output) = self.act(act, &looked, &servers, held).await? {
                return Ok(output);
            }
        }
        Ok(self.later("this call's time is up"))
    }

    /// Does one thing; the output if the call ends with it.
    async fn act(
        &mut self,
        act: Act,
        looked: &Looked,
        servers: &Servers<'_>,
        held: &mut Held<'_>,
    ) -> Result<Option<Output>, Error> {
        match act {
            Act::AskPerson(why) => return Err(self.ask(held, &why).await),
            Act::OpenGreen => return self.open_green(looked, servers, held).await.map(Some),
            Act::Wait(why) => return Ok(Some(self.later(&why))),
            Act::LiftFence(fence) => self.actions.push(servers.lift(held, &fence).await?),
            Act::RestoreReads => {
                let done = self
                    .reads_back(held.record(), async || held.verify().await)
                    .await?;
                self.reads_are_back(held.record(), done);
                reads::note_back(held).await?;
            }
            Act::NoteReadsBack => reads::note_back(held).await?,
            Act::Settle(left) if left > SHORT => {
                return Ok(Some(
                    self.later("clients may still have an answer that leads to green"),
                ));
            }
            Act::Settle(left) => {
                tokio::time::sleep(Duration::from_millis(left.unsigned_abs())).await;
            }
            Act::TakeGreenDown => {
                match green::take_down(self.world, servers, held, looked).await {
                    Ok(done) => self.actions.extend(done),
                    // RDS is busy with it, perhaps because it took our call and its answer was lost.
                    Err(busy) if busy.is_transient() => {
                        return Ok(Some(self.later(&busy.to_string())));
                    }
                    Err(failed) => return Err(failed),
                }
            }
            Act::DeleteLeft => {
                let done = green::delete_left(self.world, held, looked).await?;
                self.actions.extend(done);
            }
            Act::End => return self.end(servers, held).await.map(Some),
        }
        Ok(None)
    }

    /// Green first, since production waits for it; then the reads, if somebody else switched over while they were shared:
    /// green's own names are gone since, and blue's lead to green.
    async fn open_green(
        &mut self,
        looked: &Looked,
        servers: &Servers<'_>,
        held: &mut Held<'_>,
    ) -> Result<Output, Error> {
        let opened = green::open(self.world, servers, held, looked).await?;
        if looked.seen.reads_away && !matches!(opened, Opened::Withheld(_)) {
            let verify = async || held.verify().await;
            let done = self.reads_back(held.record(), verify).await?;
            self.actions.extend(done);
        }
        match opened {
            Opened::Serves(done) => {
                self.actions.extend(done);
                let mut told = std::mem::take(&mut self.actions);
                told.push(green_serves(held.record()));
                Err(self.ask(held, &told.join(" ")).await)
            }
            Opened::Withheld(why) => Err(self.ask(held, &why).await),
            Opened::NotYet(why) => Ok(Output {
                summary: format!("{why}."),
                ..self.later(&why)
            }),
        }
    }

    async fn end(&mut self, servers: &Servers<'_>, held: &mut Held<'_>) -> Result<Output, Error> {
        self.actions.extend(blue::verify(servers, held).await?);
        self.end_claim(held).await?;
        Ok(Output {
            summary: format!("`{}` is served by blue as before.", self.input.database),
            done: true,
            actions: std::mem::take(&mut self.actions),
            rest: Some(Rest::Over),
            ..Output::default()
        })
    }

    /// Ends the upgrade where blue serves.
    async fn end_claim(&self, held: &mut Held<'_>) -> Result<(), Error> {
        let tokens = held.record().tokens();
        held.end(&note(self.input)).await?;
        metrics::rolled_back(held.ticket());
        let over = StepError::rolled_back(self.input.reason());
        self.end_waits(&tokens, &over).await;
        Ok(())
    }

    /// Marks the claim for a person; the error with which the step ends.
    async fn ask(&self, held: &mut Held<'_>, why: &str) -> Error {
        let tokens = held.record().tokens();
        if let Err(failed) = held.needs_operator(why).await {
            return failed;
        }
        let asked = StepError::refused(why);
        self.end_waits(&tokens, &asked).await;
        asked.into()
    }

    /// The upgrade's own execution need not wait for days to find that it is over. One that can't be told finds it then.
    async fn end_waits(&self, tokens: &[String], over: &StepError) {
        let ends = tokens.iter().map(|token| async move {
            match timeout(TOLD, self.world.tokens.fail(token, over)).await {
                Ok(Ok(_)) => {}
                Ok(Err(failed)) => warn!(%failed, "the upgrade's wait not ended"),
                Err(_) => warn!("the upgrade's wait not ended in time"),
            }
        });
        join_all(ends).await;
    }

    fn later(&mut self, why: &str) -> Output {
        later(why, std::mem::take(&mut self.actions))
    }
}

fn later(why: &str, actions: Vec<String>) -> Output {
    Output {
        summary: format!("On the way back to blue: {why}."),
        done: false,
        actions,
        ..Output::default()
    }
}

/// What a person is told where an upgrade stopped after the switchover.
fn green_serves(record: &Record) -> String {
    match &record.reverse {
        Some(reverse) if reverse.is_available() => {
            format!(
                "green serves, and old blue follows it. No alarm goes back any more, but you can: start the rollback machine \
                 with {{\"database\": \"{}\"}}",
                record.ticket.database
            )
        }
        _ => no_way_back(record),
    }
}
