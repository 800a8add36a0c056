//! Lambdas' processes: called once or twice, killed, stalled, answered or not.

use super::agenda::{Caller, Due};
use super::call::timer::{Kind, Timer, Woken};
use super::call::{Call, Invocation};
use super::faults::Fault;
use super::functions::{self, Answer};
use super::process::Process;
use super::walk::Walk;
use asl::history::Failure;
use domain::ids::Epoch;
use serde_json::{Value, json};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

impl Walk<'_> {
    /// Calls a Lambda: a process of its own, which may be one of two, and whose answer may never come.
    pub fn invoke(&mut self, caller: Option<Caller>, step: &'static str, payload: Value) {
        let state = caller.map_or_else(String::new, |(run, _)| self.runs[run].state());
        let state: Arc<str> = state.into();
        let (twice, dropped) = {
            let mut world = self.world();
            world.state = Arc::clone(&state);
            let twice = world.strikes(Fault::InvokedTwice);
            let twice = twice.then(|| world.dice.between(0, 3_000));
            let dropped = caller.filter(|_| world.strikes(Fault::AnswerDropped));
            (twice, dropped)
        };
        if let Some(after) = twice {
            let second = self.process(None, step, payload.clone(), &state);
            self.due(after, Due::Begin(second));
        }
        if let Some(caller) = dropped {
            let failure = Failure::new("Lambda.SdkClientException", "the connection broke");
            let after = self.world().dice.between(10, 20_000);
            self.due(after, Due::Answer(caller, Box::new(Err(failure))));
        }
        let caller = caller.filter(|_| dropped.is_none());
        let process = self.process(caller, step, payload, &state);
        self.due(0, Due::Begin(process));
    }

    fn process(
        &mut self,
        caller: Option<Caller>,
        step: &'static str,
        payload: Value,
        state: &Arc<str>,
    ) -> usize {
        let number = self.processes.len();
        let claims_for = (step == "Claim").then(|| payload["owner"].clone());
        let invocation = {
            let mut world = self.world();
            let differs = world.strikes(Fault::ClockDiffers);
            let skew = if differs {
                world.dice.between(-450, 450)
            } else {
                0
            };
            world.note(|| format!("{step}-{number} is called"));
            Rc::new(Invocation {
                id: format!("{step}-{number}"),
                step,
                number,
                began: world.now,
                deadline: world.now + self.shipped.timeout(step),
                skew,
                outlived: Cell::new(None),
                at: Cell::new("its beginning"),
                before: Cell::new(""),
                epochs: Cell::new((Epoch(0), Epoch(0))),
                hosts: RefCell::default(),
            })
        };
        let call = Call {
            world: Rc::clone(&self.world),
            me: Rc::clone(&invocation),
        };
        let deadline = invocation.deadline;
        let woken = Arc::new(Woken::default());
        self.processes.push(Some(Process {
            future: functions::run(call, payload),
            waker: Waker::from(Arc::clone(&woken)),
            woken,
            invocation,
            caller,
            still_until: 0,
            outlives: false,
            state: Arc::clone(state),
            claims_for,
        }));
        self.alive += 1;
        self.world().agenda.put(deadline, Due::Ends(number));
        number
    }

    /// A process begins.
    pub fn begin(&mut self, number: usize) {
        if let Some(process) = self.processes[number].take() {
            self.world().state = Arc::clone(&process.state);
            self.poll(number, process);
        }
    }

    /// What a process waits for has come.
    pub fn wake(&mut self, number: usize, timer: &Rc<Timer>) {
        let Some(mut process) = self.processes[number].take() else {
            return;
        };
        let goes_on = {
            let mut world = self.world();
            world.state = Arc::clone(&process.state);
            if world.now < process.still_until {
                Some(process.still_until)
            } else if process.outlives {
                process.invocation.outlived.set(Some(timer.kind));
                None
            } else if timer.kind == Kind::Poll {
                None
            } else if world.strikes(Fault::Killed) {
                drop(world);
                return self.dies(process, "Runtime.ExitError");
            } else if world.strikes(Fault::Stalled) {
                Some(world.now + world.dice.between(1_000, 90_000))
            } else if matches!(timer.kind, Kind::Read | Kind::Write)
                && world.strikes(Fault::Outlived)
            {
                process.outlives = true;
                Some(process.invocation.deadline + world.dice.between(1_600, 200_000))
            } else {
                None
            }
        };
        if let Some(at) = goes_on {
            process.still_until = at;
            self.processes[number] = Some(process);
            let due = Due::Wake(number, Rc::clone(timer));
            return self.world().agenda.put(at, due);
        }
        timer.fire();
        if process.woken.take() {
            self.poll(number, process);
        } else {
            self.processes[number] = Some(process);
        }
    }

    fn poll(&mut self, number: usize, mut process: Process) {
        let mut context = Context::from_waker(&process.waker);
        loop {
            match process.future.as_mut().poll(&mut context) {
                Poll::Ready(answer) => return self.answered(process, answer),
                Poll::Pending if process.woken.take() => {}
                Poll::Pending => break,
            }
        }
        if process.invocation.outlived.get().is_some() {
            self.alive -= 1;
        } else {
            self.processes[number] = Some(process);
        }
    }

    /// Lambda ends a process, unless that is over. Its last call may still be on its way.
    pub fn time_is_up(&mut self, number: usize) {
        let Some(mut process) = self.processes[number].take() else {
            return;
        };
        if process.outlives {
            self.died(&process, "Sandbox.Timedout");
            process.caller = None;
            self.processes[number] = Some(process);
        } else {
            self.dies(process, "Sandbox.Timedout");
        }
    }

    fn dies(&mut self, process: Process, how: &str) {
        self.alive -= 1;
        self.died(&process, how);
    }

    fn died(&self, process: &Process, how: &str) {
        let at = process.invocation.at.get();
        let mut world = self.world();
        world.note(|| format!("{} dies at {at}: {how}", process.invocation.id));
        if let Some(caller) = process.caller {
            let cause = json!({"errorType": how, "errorMessage": "RequestId: 1 Error"});
            let failure = Failure::new(how, cause.to_string());
            world.due(5, Due::Answer(caller, Box::new(Err(failure))));
        }
    }

    fn answered(&mut self, process: Process, answer: Answer) {
        self.alive -= 1;
        let mut world = self.world();
        world.note(|| match &answer {
            Ok(value) => format!("{} answers {}", process.invocation.id, value["summary"]),
            Err(failed) => format!("{} fails: {} {failed}", process.invocation.id, failed.name),
        });
        if let (Some(owner), Ok(claimed)) = (&process.claims_for, &answer)
            && claimed["ticket"]["owner"] != *owner
        {
            world.violate(format!("G4: {owner} acts on another's claim"));
        }
        let Some(caller) = process.caller else {
            return;
        };
        let answer = answer.map_err(|failed| {
            let name = failed.name.as_ref();
            let cause = json!({"errorType": name, "errorMessage": failed.message});
            Failure::new(name, cause.to_string())
        });
        let answer = answer.map(
            |payload| json!({"ExecutedVersion": "$LATEST", "Payload": payload, "StatusCode": 200}),
        );
        world.due(5, Due::Answer(caller, Box::new(answer)));
    }
}
