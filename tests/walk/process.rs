//! Lambdas' processes: called once or twice, killed, stalled, answered or not.

use super::call::{Call, Invocation, Kind};
use super::faults::Fault;
use super::steps::{self, FUNCTIONS};
use super::walk::{Due, Walk};
use super::world::Fallible;
use asl::history::Failure;
use asl::interpreter::CallId;
use serde_json::Value;
use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

/// A Lambda's process.
pub struct Process {
    future: Pin<Box<dyn Future<Output = Fallible<Value>>>>,
    invocation: Rc<Invocation>,
    caller: Option<(usize, CallId)>,
    outlives: bool,
    /// The state in which it was called.
    state: String,
}

impl Walk<'_> {
    /// Calls a Lambda: a process of its own, which may be one of two, and whose answer may never come.
    pub fn invoke(&mut self, caller: Option<(usize, CallId)>, step: &'static str, payload: Value) {
        let state = caller
            .map(|(run, _)| self.runs[run].state())
            .unwrap_or_default();
        self.world.borrow_mut().state.clone_from(&state);
        if self.world.borrow_mut().strikes(Fault::InvokedTwice) {
            let after = self.world.borrow_mut().dice.between(0, 3_000);
            let second = self.process(None, step, payload.clone(), state.clone());
            self.due(after, Due::Wake(second));
        }
        let dropped = caller.filter(|_| self.world.borrow_mut().strikes(Fault::AnswerDropped));
        if let Some((run, call)) = dropped {
            let failure = Failure::new("Lambda.SdkClientException", "the connection broke");
            let after = self.world.borrow_mut().dice.between(10, 20_000);
            self.due(after, Due::Answer(run, call, Err(failure)));
        }
        let caller = caller.filter(|_| dropped.is_none());
        let process = self.process(caller, step, payload, state);
        self.due(0, Due::Wake(process));
    }

    fn process(
        &mut self,
        caller: Option<(usize, CallId)>,
        step: &'static str,
        payload: Value,
        state: String,
    ) -> usize {
        let number = self.processes.len();
        let seconds = FUNCTIONS
            .iter()
            .find(|(name, _)| *name == step)
            .map_or(60, |(_, seconds)| *seconds);
        let mut world = self.world.borrow_mut();
        let differs = world.strikes(Fault::ClockDiffers);
        let skew = if differs {
            world.dice.between(-450, 450)
        } else {
            0
        };
        world.note(|| format!("{step}-{number} is called"));
        let invocation = Rc::new(Invocation {
            id: format!("{step}-{number}"),
            step,
            deadline: world.now + seconds * 1_000,
            skew,
            wakes: Cell::new(world.now),
            kind: Cell::new(Kind::Sleep),
            outlived: Cell::new(false),
            at: Cell::new("its beginning"),
        });
        drop(world);
        let call = Call {
            world: Rc::clone(&self.world),
            invocation: Rc::clone(&invocation),
        };
        let deadline = invocation.deadline;
        self.processes.push(Some(Process {
            future: Box::pin(steps::run(call, payload)),
            invocation,
            caller,
            outlives: false,
            state,
        }));
        self.due_at(deadline, Due::Ends(number));
        number
    }

    pub fn wake(&mut self, number: usize) {
        let Some(mut process) = self.processes[number].take() else {
            return;
        };
        let late = self.world.borrow().now >= process.invocation.deadline;
        self.world.borrow_mut().state.clone_from(&process.state);
        if late && !process.outlives {
            return self.died(&process, "Sandbox.Timedout");
        }
        if !late && self.world.borrow_mut().strikes(Fault::Killed) {
            return self.died(&process, "Runtime.ExitError");
        }
        process.invocation.outlived.set(late);
        let mut context = Context::from_waker(Waker::noop());
        match process.future.as_mut().poll(&mut context) {
            Poll::Ready(answer) => self.answered(&process, answer),
            Poll::Pending if late => {}
            Poll::Pending => self.waits(number, process),
        }
    }

    fn waits(&mut self, number: usize, mut process: Process) {
        let mut wakes = process.invocation.wakes.get();
        let mut world = self.world.borrow_mut();
        if world.strikes(Fault::Stalled) {
            wakes += world.dice.between(1_000, 90_000);
        } else if process.invocation.kind.get() == Kind::Table && world.strikes(Fault::Outlived) {
            process.outlives = true;
            wakes = process.invocation.deadline + world.dice.between(1_600, 200_000);
        }
        drop(world);
        self.processes[number] = Some(process);
        self.due_at(wakes, Due::Wake(number));
    }

    pub fn time_is_up(&mut self, number: usize) {
        let Some(process) = self.processes[number].take() else {
            return;
        };
        self.died(&process, "Sandbox.Timedout");
        if process.outlives {
            let caller = None;
            self.processes[number] = Some(Process { caller, ..process });
        }
    }

    fn died(&mut self, process: &Process, how: &str) {
        let at = process.invocation.at.get();
        self.world
            .borrow_mut()
            .note(|| format!("{} dies at {at}: {how}", process.invocation.id));
        if let Some((run, call)) = process.caller {
            let cause = serde_json::json!({"errorType": how, "errorMessage": "RequestId: 1 Error"});
            let failure = Failure::new(how, cause.to_string());
            self.due(5, Due::Answer(run, call, Err(failure)));
        }
    }

    fn answered(&mut self, process: &Process, answer: Fallible<Value>) {
        self.world.borrow_mut().note(|| match &answer {
            Ok(value) => format!("{} answers {}", process.invocation.id, value["summary"]),
            Err(failed) => format!("{} fails: {} {failed}", process.invocation.id, failed.name),
        });
        let Some((run, call)) = process.caller else {
            return;
        };
        let answer = answer.map_err(|failed| {
            let name = failed.name.as_str();
            let cause = serde_json::json!({"errorType": name, "errorMessage": failed.message});
            Failure::new(name, cause.to_string())
        });
        let answer = answer.map(|payload| {
            serde_json::json!({"ExecutedVersion": "$LATEST", "Payload": payload, "StatusCode": 200})
        });
        self.due(5, Due::Answer(run, call, answer));
    }
}
