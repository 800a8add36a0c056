//! One walk: everything that is due, in the order of virtual time, and mischief in between.

use super::dice::Dice;
use super::faults::{Coverage, Fault, Weather};
use super::machines::{Machine, Run, Shipped};
use super::process::Process;
use super::world::alarms::Alarm;
use super::world::{Turn, World};
use super::{invariants, setting};
use asl::history::Failure;
use asl::interpreter::{CallId, TimerId};
use serde_json::Value;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// When every walk begins: 2026-01-01T00:00:00Z.
const BEGINNING: i64 = 1_767_225_600_000;
/// A walk that takes more turns than this does not end.
const ENDLESS: u64 = 200_000;

/// Something that is due.
pub enum Due {
    /// A timer of an execution.
    Timer(usize, TimerId),
    /// A Lambda is called, by an execution or by an event.
    Invoke(Option<(usize, CallId)>, &'static str, Value),
    /// A Lambda's process goes on.
    Wake(usize),
    /// A Lambda's time is up.
    Ends(usize),
    /// Step Functions hears of a call.
    Answer(usize, CallId, Result<Value, Failure>),
    /// A person answers.
    Approval(String, bool),
    /// The rollback machine is started, by an event or the sweep.
    Start(Value),
    /// The world does something.
    World(Turn),
    /// Time passes.
    Tick,
    /// The sweep runs.
    Sweep,
}

/// A walk.
pub struct Walk<'a> {
    pub world: Rc<RefCell<World>>,
    pub shipped: &'a Shipped,
    pub runs: Vec<Run>,
    queue: BTreeMap<(i64, u64), Due>,
    turns: u64,
    pub processes: Vec<Option<Process>>,
    pub sweeps: bool,
    pub request: Value,
    /// Rests so far: a person may go on from one.
    pub rests: u32,
    pub swept: u32,
}

/// How a walk ended.
pub struct Ended {
    /// How many executions there were.
    pub executions: u64,
    /// What happened.
    pub coverage: Coverage,
    /// What must never be, and was.
    pub wrong: Option<String>,
    /// Everything, if it was wanted.
    pub trace: Vec<String>,
}

impl<'a> Walk<'a> {
    /// A walk from a seed.
    pub fn new(shipped: &'a Shipped, seed: u64, traced: bool) -> Self {
        let mut dice = Dice::new(seed);
        let weather = Weather::of(&mut dice);
        let mut world = World {
            now: BEGINNING,
            dice,
            weather,
            coverage: Coverage::default(),
            state: "Beginning".to_owned(),
            item: None,
            servers: vec![],
            deployments: vec![],
            snapshots: vec![],
            reads: vec![],
            pointer: None,
            alarm: Alarm::quiet(),
            acked: 0,
            commits: 0,
            links_rest_until: 0,
            ahead: vec![],
            ended_waits: vec![],
            green_untold: None,
            questions: vec![],
            starts: vec![],
            started: BTreeSet::new(),
            executions: BTreeMap::new(),
            given: None,
            memory: invariants::Memory::default(),
            wrong: None,
            trace: traced.then(Vec::new),
        };
        setting::build(&mut world);
        let request = setting::request(&mut world.dice);
        let sweeps = !world.strikes(Fault::SweepRests);
        Self {
            world: Rc::new(RefCell::new(world)),
            shipped,
            runs: vec![],
            queue: BTreeMap::new(),
            turns: 0,
            processes: vec![],
            sweeps,
            request,
            rests: 0,
            swept: 0,
        }
    }

    /// Walks to the end.
    pub fn walk(mut self) -> Ended {
        let request = self.request.clone();
        self.start(Machine::Upgrade, request, None);
        self.due(1_000, Due::Tick);
        self.due(60_000, Due::Sweep);
        while self.world.borrow().wrong.is_none() {
            if self.at_rest() && !self.goes_on() {
                break;
            }
            self.turn();
        }
        let mut world = self.world.borrow_mut();
        Ended {
            executions: self.runs.len() as u64,
            coverage: std::mem::take(&mut world.coverage),
            wrong: world.wrong.take(),
            trace: world.trace.take().unwrap_or_default(),
        }
    }

    /// Something is due after so many milliseconds.
    pub fn due(&mut self, after: i64, due: Due) {
        let at = self.world.borrow().now + after;
        self.due_at(at, due);
    }

    pub fn due_at(&mut self, at: i64, due: Due) {
        self.turns += 1;
        self.queue.insert((at, self.turns), due);
    }

    /// Nothing runs, and nothing is on its way.
    fn at_rest(&self) -> bool {
        let idle =
            |due: &Due| matches!(due, Due::Tick | Due::Sweep | Due::Timer(..) | Due::Ends(_));
        self.world.borrow().executions.values().all(Option::is_some)
            && self.processes.iter().all(Option::is_none)
            && self.queue.values().all(idle)
    }

    fn turn(&mut self) {
        let Some(((at, _), due)) = self.queue.pop_first() else {
            self.world
                .borrow_mut()
                .violate("nothing is due, and something runs".to_owned());
            return;
        };
        let now = self.world.borrow().now.max(at);
        self.world.borrow_mut().now = now;
        self.take(due);
        self.mischief();
        self.settle();
        self.world.borrow_mut().check();
        if self.turns > ENDLESS {
            self.world
                .borrow_mut()
                .violate("the walk does not come to an end".to_owned());
        }
    }

    fn take(&mut self, due: Due) {
        match due {
            Due::Timer(run, timer) => self.timer(run, timer),
            Due::Invoke(caller, step, payload) => self.invoke(caller, step, payload),
            Due::Wake(process) => self.wake(process),
            Due::Ends(process) => self.time_is_up(process),
            Due::Answer(run, call, answer) => self.answer(run, call, answer),
            Due::Approval(token, yes) => self.approval(token, yes),
            Due::Start(input) => {
                self.start(Machine::Rollback, input, None);
            }
            Due::World(turn) => self.world.borrow_mut().take(turn),
            Due::Tick => {
                let after = self.world.borrow_mut().dice.between(1_000, 600_000);
                self.due(after, Due::Tick);
            }
            Due::Sweep => {
                let open = self.world.borrow().record().is_some();
                if self.sweeps && open {
                    self.invoke(None, "Sweep", Value::Null);
                }
                self.due(60_000, Due::Sweep);
            }
        }
    }

    /// What the world wants to happen.
    fn settle(&mut self) {
        let (ahead, ended, questions, starts) = {
            let world = &mut *self.world.borrow_mut();
            let (ahead, ended) = (
                std::mem::take(&mut world.ahead),
                std::mem::take(&mut world.ended_waits),
            );
            (
                ahead,
                ended,
                std::mem::take(&mut world.questions),
                std::mem::take(&mut world.starts),
            )
        };
        for token in questions {
            self.ask_person(token);
        }
        for (name, input) in starts {
            if self.world.borrow_mut().started.insert(name) {
                self.start(Machine::Rollback, input, None);
            }
        }
        for (at, turn) in ahead {
            self.due_at(at, Due::World(turn));
        }
        for (token, how) in ended {
            self.end_wait(token, how);
        }
        let green = self.world.borrow_mut().green_untold.take();
        if let Some(deployment) = green {
            self.green_event(&deployment);
        }
        let untold = self.world.borrow_mut().alarm.untold.take();
        if let Some(at) = untold {
            self.alarm_event(at);
        }
    }
}
