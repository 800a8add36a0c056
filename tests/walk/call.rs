//! One invocation of a Lambda: everything that it does to the world goes through here, one thing at a time, and between
//! any two anything may happen.

use super::faults::Fault;
use super::world::{Fallible, World, transient};
use domain::error::StepError;
use domain::ids::Millis;
use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;

/// What an invocation is about to do, as far as it decides what may become of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It looks.
    Look,
    /// It changes something without a condition.
    Act,
    /// It writes to the table, or reads whether it may act.
    Table,
    /// It waits.
    Sleep,
}

/// An invocation, shared by the walk and the step's own code.
#[derive(Debug)]
pub struct Invocation {
    /// Lambda's id of it.
    pub id: String,
    /// The function.
    pub step: &'static str,
    /// When Lambda ends it.
    pub deadline: i64,
    /// How much its clock is ahead.
    pub skew: i64,
    /// When it goes on.
    pub wakes: Cell<i64>,
    /// What it does then.
    pub kind: Cell<Kind>,
    /// Whether its deadline is over, and this is its last write.
    pub outlived: Cell<bool>,
    /// What it is at, for the trace.
    pub at: Cell<&'static str>,
}

/// A step's view of the world.
#[derive(Clone)]
pub struct Call {
    /// The world.
    pub world: Rc<RefCell<World>>,
    /// The invocation.
    pub invocation: Rc<Invocation>,
}

impl Call {
    /// This machine's clock.
    pub fn now(&self) -> Millis {
        Millis(self.world.borrow().now + self.invocation.skew)
    }

    /// Milliseconds until Lambda ends the call.
    pub fn remaining(&self) -> i64 {
        (self.invocation.deadline - self.world.borrow().now).max(0)
    }

    /// The moment from which nothing new is begun.
    pub fn last_call(&self) -> Millis {
        Millis(self.invocation.deadline - 5_000)
    }

    /// Waits, in milliseconds.
    pub async fn sleep(&self, after: i64) {
        self.pause("sleep", Kind::Sleep, after).await;
    }

    /// Lets go, for so many milliseconds and whatever else happens.
    async fn pause(&self, at: &'static str, kind: Kind, after: i64) {
        self.invocation.wakes.set(self.world.borrow().now + after);
        self.invocation.kind.set(kind);
        self.invocation.at.set(at);
        let mut went = false;
        poll_fn(|_| match std::mem::replace(&mut went, true) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        })
        .await;
    }

    async fn point(&self, at: &'static str, kind: Kind) {
        let after = self.world.borrow_mut().dice.between(1, 60);
        self.pause(at, kind, after).await;
        self.world
            .borrow_mut()
            .note(|| format!("{} {at}", self.invocation.id));
    }

    /// Looks at something.
    pub async fn look<T>(
        &self,
        at: &'static str,
        look: impl FnOnce(&mut World) -> Fallible<T>,
    ) -> Fallible<T> {
        self.point(at, Kind::Look).await;
        let mut world = self.world.borrow_mut();
        if world.strikes(Fault::LookFailed) {
            return transient("nobody answers");
        }
        look(&mut world)
    }

    /// Changes something outside of the table.
    pub async fn act<T>(
        &self,
        at: &'static str,
        act: impl FnOnce(&mut World) -> Fallible<T>,
    ) -> Fallible<T> {
        let me = self.invocation.id.clone();
        let checked = move |world: &mut World| {
            world.check_actor(&me, at);
            act(world)
        };
        self.act_free(at, checked).await
    }

    /// Changes something that needs no lease.
    pub async fn act_free<T>(
        &self,
        at: &'static str,
        act: impl FnOnce(&mut World) -> Fallible<T>,
    ) -> Fallible<T> {
        self.point(at, Kind::Act).await;
        let mut world = self.world.borrow_mut();
        if world.strikes(Fault::CallFailed) {
            return transient("not now");
        }
        let done = act(&mut world);
        self.answer(world, done).await
    }

    /// Does something to the table; a call whose answer was lost is made again by the SDK, most of the time.
    pub async fn table<T>(
        &self,
        at: &'static str,
        mut write: impl FnMut(&mut World) -> Fallible<T>,
    ) -> Fallible<T> {
        self.point(at, Kind::Table).await;
        let mut world = self.world.borrow_mut();
        if world.strikes(Fault::CallFailed) {
            return transient("not now");
        }
        let done = write(&mut world);
        let lost = world.strikes(Fault::AnswerLost);
        let again = lost && world.dice.chance(7_000);
        drop(world);
        match (lost, again) {
            (false, _) => done,
            (true, false) => transient("the answer was lost"),
            (true, true) => {
                self.point(at, Kind::Table).await;
                write(&mut self.world.borrow_mut())
            }
        }
    }

    async fn answer<T>(
        &self,
        mut world: std::cell::RefMut<'_, World>,
        done: Fallible<T>,
    ) -> Fallible<T> {
        let lost = world.strikes(Fault::AnswerLost);
        drop(world);
        if lost {
            self.point("without an answer", Kind::Look).await;
            return transient("the answer was lost");
        }
        done
    }

    /// Tells people something, or asks them to answer a wait.
    pub async fn publish(&self, asks: Option<String>) -> Fallible<()> {
        self.act_free("publish", |world| {
            world.questions.extend(asks);
            Ok(())
        })
        .await
    }

    /// Marks a wait that is over by a failure, for the walk to deliver.
    pub async fn fail_token(&self, token: &str, why: &StepError) -> Fallible<()> {
        self.end_token(token, Err(why.clone())).await
    }

    /// Marks a wait that is over, for the walk to deliver.
    pub async fn end_token(&self, token: &str, how: Fallible<()>) -> Fallible<()> {
        self.point("end token", Kind::Act).await;
        let mut world = self.world.borrow_mut();
        if world.strikes(Fault::CallFailed) {
            return transient("not now");
        }
        world.ended_waits.push((token.to_owned(), how));
        Ok(())
    }
}
