//! Brings a database back to blue: before the switchover by undoing what was done, after it by the link from green to old
//! blue, for an alarm or a person. Where it can't be done without a loss, green goes on serving and a person is asked.

mod back;
mod blue;
mod crossing;
mod failback;
mod green;
mod look;
mod old;
mod reads;

use domain::error::StepError;
use domain::record::{Phase, Record};
use domain::reverse::Reverse;
use domain::steps::rollback::{
    Act, Input, Order, Output, Rest, again, next, no_failback, note, nothing, order, reads_first,
};
use futures_util::future::join_all;
use green::Opened;
use look::{Looked, look};
use ports::{Engine, EngineOf, Error, Observation, TaskTokens, Upgrades, World};
use std::time::Duration;
use steps::{Call, Held, Servers, fencing, metrics, raise_epoch, read};
use tracing::{info, warn};

/// A wait that is shorter than this, in milliseconds, is spent in the call instead of going back to the state machine.
const SHORT: i64 = 10_000;
/// How long it may take to end the upgrade's wait, which its execution would find out by itself.
const TOLD: Duration = Duration::from_secs(5);

/// Takes the database over, puts reads back, then does what is missing for blue to serve. It can stop anywhere; called
/// again it goes on from what it finds.
///
/// # Errors
///
/// `Upgrade.Refused` where green serves or where only a person can help; the claim is marked then.
pub async fn run<W: World>(call: &Call<'_, W>, input: Input) -> Result<Output, Error> {
    match roll_back(call, &input).await {
        Err(busy) if is_worth_hours(&busy) => Ok(later(&busy.to_string(), vec![])),
        done => done,
    }
}

/// Whether it may pass, since the state machine retries for hours. A login that is refused for minutes needs a person.
fn is_worth_hours(failed: &Error) -> bool {
    failed.is_transient() && !failed.is_refused_login()
}

async fn roll_back<W: World>(call: &Call<'_, W>, input: &Input) -> Result<Output, Error> {
    let Some(found) = meant(call, input).await? else {
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
        Order::NoFailback => {
            return Err(StepError::refused(no_failback_of::<W>(&found)).into());
        }
        Order::TakeOver(phase) => raise_epoch(call, &found, phase).await?,
        Order::GoOn => found,
    };
    let at_once = at_once && record.phase == Phase::RollingBack;
    let mut rollback = Rollback {
        call,
        input,
        actions: vec![],
    };
    rollback.reads_first(&record, at_once).await;
    let output = match call.hold(&record.ticket, "rollback").await {
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
async fn meant<W: World>(call: &Call<'_, W>, input: &Input) -> Result<Option<Record>, Error> {
    let database = input.database.as_str().to_lowercase();
    let found = read(call, &database.as_str().into()).await?;
    let Some(owner) = &input.owner else {
        return Ok(found);
    };
    let is_theirs = |found: &Record| found.ticket.owner == *owner;
    if found.as_ref().is_some_and(is_theirs) {
        return Ok(found);
    }
    let all = call.world.upgrades().all().await?.into_iter();
    let theirs = all.map(|item| item.record).find(is_theirs);
    Ok(theirs.or(found))
}

/// Why green has to go on serving, with the engine's own commands.
fn no_failback_of<W: World>(record: &Record) -> String {
    let kind = record.plan.engine();
    let reverse = record.reverse.as_ref();
    let commands = reverse.map(|reverse| EngineOf::<W>::failback_commands(kind, reverse));
    no_failback(record, &commands.unwrap_or_default())
}

/// One call of a rollback, and what it did so far.
struct Rollback<'c, W: World> {
    call: &'c Call<'c, W>,
    input: &'c Input,
    actions: Vec<String>,
}

impl<W: World> Rollback<'_, W> {
    async fn with_lease(&mut self, mut held: Held<'_, W>) -> Result<Output, Error> {
        let done = self.until_done(&mut held).await;
        held.release().await;
        match done {
            Err(busy) if is_worth_hours(&busy) => Ok(self.later(&busy.to_string())),
            done => done,
        }
    }

    async fn until_done(&mut self, held: &mut Held<'_, W>) -> Result<Output, Error> {
        if let Some(execution) = &self.input.execution
            && held.record().rollback.as_ref() != Some(execution)
        {
            let execution = execution.clone();
            held.change(|record| record.rollback = Some(execution))
                .await?;
        }
        let servers = Servers::of(self.call, held.record());
        if held.record().phase == Phase::Returning {
            return self.back(held, &servers).await;
        }
        while !self.call.is_late() {
            let looked = look(self.call, held.record()).await?;
            let act = next(held.record(), &looked.seen, self.call.world.record_ttl());
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
        servers: &Servers<'_, W>,
        held: &mut Held<'_, W>,
    ) -> Result<Option<Output>, Error> {
        match act {
            Act::AskPerson(why) => return Err(self.ask(held, &why).await),
            Act::OpenGreen => return self.open_green(looked, servers, held).await.map(Some),
            Act::Wait(why) => return Ok(Some(self.later(&why))),
            Act::LiftFence(fence) => {
                let done = fencing::lift_on(held, servers, &fence).await?;
                self.actions.push(done);
            }
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
                let left = Duration::from_millis(left.unsigned_abs());
                self.call.sleep(left).await;
            }
            Act::TakeGreenDown => match green::take_down(held, servers, looked).await {
                Ok(done) => self.actions.extend(done),
                // RDS is busy with it, perhaps because it took our call and its answer was lost.
                Err(busy) if busy.is_transient() => return Ok(Some(self.later(&busy.to_string()))),
                Err(failed) => return Err(failed),
            },
            Act::DeleteLeft => {
                let done = green::delete_left(held, looked).await?;
                self.actions.extend(done);
            }
            Act::End => return self.end(servers, held).await.map(Some),
        }
        Ok(None)
    }

    /// Green first, since production waits for it; then the reads, if the deployment was switched over outside of Viridian while they
    /// were shared: green's own names are gone then, and blue's lead to green.
    async fn open_green(
        &mut self,
        looked: &Looked,
        servers: &Servers<'_, W>,
        held: &mut Held<'_, W>,
    ) -> Result<Output, Error> {
        let opened = green::open(held, servers, looked).await?;
        if looked.seen.reads_away && !matches!(opened, Opened::Withheld(_)) {
            match self.reads_to_green(held).await {
                Ok(done) => self.actions.extend(done),
                Err(busy) if busy.is_transient() => return Err(busy),
                Err(refused) => self
                    .actions
                    .push(format!("Reads are left as they are: {refused}.")),
            }
        }
        match opened {
            Opened::Serves(done) => {
                self.actions.extend(done);
                let mut told = std::mem::take(&mut self.actions);
                told.push(green_serves::<W>(held.record()));
                Err(self.ask(held, &told.join(" ")).await)
            }
            Opened::Withheld(why) => Err(self.ask(held, &why).await),
            Opened::NotYet(why) => Ok(Output {
                summary: format!("{why}."),
                ..self.later(&why)
            }),
        }
    }

    async fn end(
        &mut self,
        servers: &Servers<'_, W>,
        held: &mut Held<'_, W>,
    ) -> Result<Output, Error> {
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
    async fn end_claim(&self, held: &mut Held<'_, W>) -> Result<(), Error> {
        let tokens = held.record().tokens();
        held.end(&note(self.input)).await?;
        metrics::observe(held, &Observation::Rollback);
        let over = StepError::rolled_back(self.input.reason());
        self.end_waits(&tokens, &over).await;
        Ok(())
    }

    /// Marks the claim for a person; the error with which the step ends.
    async fn ask(&self, held: &mut Held<'_, W>, why: &str) -> Error {
        let tokens = held.record().tokens();
        if let Err(failed) = held.needs_operator(why).await {
            return failed;
        }
        let asked = StepError::refused(why);
        self.end_waits(&tokens, &asked).await;
        asked.into()
    }

    /// Ends the upgrade's waits, so that its execution does not wait for days. One that can't be ended ends by its timeout.
    async fn end_waits(&self, tokens: &[String], over: &StepError) {
        let waits = self.call.world.task_tokens();
        let ends = tokens.iter().map(|token| async move {
            match self.call.timeout(TOLD, waits.fail(token, over)).await {
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
        summary: format!("Rolling back to blue: {why}."),
        done: false,
        actions,
        ..Output::default()
    }
}

/// What a person is told where an upgrade stopped after the switchover.
fn green_serves<W: World>(record: &Record) -> String {
    match &record.reverse {
        Some(reverse) if Reverse::is_available(reverse) => {
            format!(
                "green serves, and old blue follows it. No alarm causes a failback any more, but you can: start the rollback machine \
                 with {{\"database\": \"{}\"}}",
                record.ticket.database
            )
        }
        _ => no_failback_of::<W>(record),
    }
}
