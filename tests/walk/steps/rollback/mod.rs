//! The rollback, before and after the switchover.

mod back;
mod blue;
mod crossing;
mod green;
mod link;
mod look;

use super::is_transient;
use super::reads::apply;
use crate::call::Call;
use crate::held::Held;
use crate::setting::TTL;
use crate::world::{Fallible, refused};
use domain::error::StepError;
use domain::record::{Fence, Phase, Record};
use domain::request::Strategy;
use domain::rollback::{
    Act, Input, Order, Output, Rest, Serving, again, next, no_way_back, note, nothing, order,
    reads_first,
};
use domain::routes::changes;
use green::Opened;
use look::{Looked, look};

/// A wait that is shorter than this, in milliseconds, is spent in the call.
const SHORT: i64 = 10_000;

/// Takes the database over, puts reads back, then does what is missing for blue to serve.
pub async fn run(call: &Call, input: Input) -> Fallible<Output> {
    match go(call, &input).await {
        Err(busy) if is_transient(&busy) => Ok(later(&busy.message, vec![])),
        done => done,
    }
}

async fn go(call: &Call, input: &Input) -> Fallible<Output> {
    let found = call
        .look("record", |world| Ok(world.record().cloned()))
        .await?;
    let Some(found) = found.filter(|_| input.database.as_str() == crate::world::DATABASE) else {
        let never = format!("`{}` was never claimed.", input.database);
        return Ok(nothing(Rest::Unclaimed, never));
    };
    let at_once = reads_first(&found);
    let record = match order(input, &found) {
        Order::Nothing(rest, summary) => return Ok(nothing(rest, summary)),
        Order::Again => return Ok(again(&found)),
        Order::Refuse(why) => return refused(why),
        Order::TakeOver(phase) => {
            call.table("raise epoch", |world| world.raise_epoch(&found, phase))
                .await?
        }
        Order::GoOn => found,
    };
    let at_once = at_once && record.phase == Phase::RollingBack;
    let mut rollback = Rollback {
        call,
        input,
        actions: vec![],
    };
    rollback.reads_first(&record, at_once).await;
    let output = match Held::hold(call, &record.ticket).await {
        Ok(held) => rollback.with_lease(held).await?,
        Err(busy) if is_transient(&busy) => rollback.later(&busy.message),
        Err(refused) => return Err(refused),
    };
    Ok(Output {
        owner: Some(record.ticket.owner),
        ..output
    })
}

/// One call of a rollback, and what it did so far.
struct Rollback<'a> {
    call: &'a Call,
    input: &'a Input,
    actions: Vec<String>,
}

impl Rollback<'_> {
    async fn reads_first(&mut self, record: &Record, at_once: bool) {
        let tried = async {
            let shared = record.plan.strategy == Strategy::BlueGreen;
            if at_once || shared && self.blue_serves(record).await? {
                let verify = async || {
                    let verified = self
                        .call
                        .table("verify ticket", |world| world.verify_ticket(&record.ticket));
                    verified.await
                };
                return self.reads_back(record, verify).await;
            }
            Ok(None)
        };
        if let Ok(action) = tried.await {
            self.actions.extend(action);
        }
    }

    async fn blue_serves(&self, record: &Record) -> Fallible<bool> {
        if matches!(record.phase, Phase::After | Phase::Returning) {
            return Ok(false);
        }
        Ok(look(self.call, record).await?.seen.serving == Serving::Blue)
    }

    async fn reads_back(
        &self,
        record: &Record,
        verify: impl AsyncFn() -> Fallible<()>,
    ) -> Fallible<Option<String>> {
        let Some(route) = &record.plan.reads else {
            return Ok(None);
        };
        let before = apply(self.call, &route.records, self.call.last_call(), verify).await?;
        let changed = !changes(&before, &route.records).is_empty();
        Ok(changed.then(|| "All reads go to blue again.".to_owned()))
    }

    async fn with_lease(&mut self, mut held: Held) -> Fallible<Output> {
        let done = self.until_done(&mut held).await;
        held.release().await;
        match done {
            Err(busy) if is_transient(&busy) => Ok(self.later(&busy.message)),
            done => done,
        }
    }

    async fn until_done(&mut self, held: &mut Held) -> Fallible<Output> {
        if let Some(execution) = self.input.execution.clone()
            && held.record.rollback.as_ref() != Some(&execution)
        {
            held.change(|record| record.rollback = Some(execution))
                .await?;
        }
        if held.record.phase == Phase::Returning {
            return self.back(held).await;
        }
        while self.call.now() < self.call.last_call() {
            let looked = look(self.call, &held.record).await?;
            let act = next(&held.record, &looked.seen, TTL);
            self.call
                .world
                .borrow_mut()
                .note(|| format!("  decided {act:?}"));
            if let Some(output) = self.act(act, &looked, held).await? {
                return Ok(output);
            }
        }
        Ok(self.later("this call's time is up"))
    }

    async fn act(
        &mut self,
        act: Act,
        looked: &Looked,
        held: &mut Held,
    ) -> Fallible<Option<Output>> {
        match act {
            Act::AskPerson(why) => return Err(self.ask(held, &why).await),
            Act::OpenGreen => return self.open_green(looked, held).await.map(Some),
            Act::Wait(why) => return Ok(Some(self.later(&why))),
            Act::LiftFence(fence) => self.actions.push(lift(self.call, held, &fence).await?),
            Act::RestoreReads => {
                let done = self
                    .reads_back(&held.record, async || held.verify().await)
                    .await?;
                self.actions.extend(done);
                self.note_reads_back(held).await?;
            }
            Act::NoteReadsBack => self.note_reads_back(held).await?,
            Act::Settle(left) if left > SHORT => return Ok(Some(self.later("old answers"))),
            Act::Settle(left) => self.call.sleep(left).await,
            Act::TakeGreenDown => match green::take_down(self.call, held, looked).await {
                Ok(done) => self.actions.extend(done),
                Err(busy) if is_transient(&busy) => return Ok(Some(self.later(&busy.message))),
                Err(failed) => return Err(failed),
            },
            Act::DeleteLeft => self
                .actions
                .extend(green::delete_left(self.call, held, looked).await?),
            Act::End => return self.end(held).await.map(Some),
        }
        Ok(None)
    }

    async fn open_green(&mut self, looked: &Looked, held: &mut Held) -> Fallible<Output> {
        let opened = green::open(self.call, held, looked).await?;
        if looked.seen.reads_away && !matches!(opened, Opened::Withheld(_)) {
            let verify = async || held.verify().await;
            let done = self.reads_back(&held.record, verify).await?;
            self.actions.extend(done);
        }
        match opened {
            Opened::Serves(done) => {
                let why = no_way_back(&held.record);
                Err(self.ask(held, &format!("{why} {}", done.join(" "))).await)
            }
            Opened::Withheld(why) => Err(self.ask(held, &why).await),
            Opened::NotYet(why) => Ok(self.later(&why)),
        }
    }

    async fn note_reads_back(&self, held: &mut Held) -> Fallible<()> {
        let now = self.call.now();
        held.change(|record| record.reads_back = Some(now)).await
    }

    async fn end(&mut self, held: &mut Held) -> Fallible<Output> {
        self.actions.extend(blue::verify(self.call, held).await?);
        self.end_claim(held).await?;
        Ok(Output {
            summary: "served by blue as before".to_owned(),
            done: true,
            actions: std::mem::take(&mut self.actions),
            rest: Some(Rest::Over),
            ..Output::default()
        })
    }

    async fn end_claim(&self, held: &mut Held) -> Fallible<()> {
        let tokens = held.record.tokens();
        held.end(&note(self.input)).await?;
        let over = StepError::rolled_back(self.input.reason());
        self.end_waits(&tokens, &over).await;
        Ok(())
    }

    /// Marks the claim for a person; the error with which the step ends.
    async fn ask(&self, held: &mut Held, why: &str) -> StepError {
        let tokens = held.record.tokens();
        if let Err(failed) = held.needs_operator(why).await {
            return failed;
        }
        let asked = StepError::refused(why);
        self.end_waits(&tokens, &asked).await;
        asked
    }

    async fn end_waits(&self, tokens: &[String], over: &StepError) {
        for token in tokens {
            self.call.fail_token(token, over).await.ok();
        }
    }

    fn later(&mut self, why: &str) -> Output {
        later(why, std::mem::take(&mut self.actions))
    }
}

fn later(why: &str, actions: Vec<String>) -> Output {
    Output {
        summary: why.to_owned(),
        done: false,
        actions,
        ..Output::default()
    }
}

/// Opens a fence's roles, sees that they are open, and forgets the fence.
async fn lift(call: &Call, held: &mut Held, stands: &Fence) -> Fallible<String> {
    call.look("connect", |world| {
        world.reach(&stands.resource_id).map(drop)
    })
    .await?;
    held.verify().await?;
    call.act("lift", |world| world.lift(stands)).await?;
    let open = call
        .look("open roles", |world| world.open_roles(&stands.resource_id))
        .await?;
    if open.len() < stands.roles.len() {
        return crate::world::transient("a role is still closed after it was opened");
    }
    held.unfence(&stands.resource_id).await?;
    Ok("the roles can log in again.".to_owned())
}
