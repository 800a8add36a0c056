//! One walk: everything that is due, in the order of virtual time, and mischief in between.

use super::agenda::Due;
use super::call::timer::Kind;
use super::dice::Dice;
use super::faults::{Coverage, Fault};
use super::machines::{Machine, Run, Shipped};
use super::process::Process;
use super::setting;
use super::world::World;
use serde_json::Value;
use std::cell::{RefCell, RefMut};
use std::rc::Rc;

/// A walk in which more than this becomes due does not end.
const ENDLESS: u64 = 1_000_000;

/// A walk.
pub struct Walk<'a> {
    /// Everything outside of the code.
    pub world: Rc<RefCell<World>>,
    /// What is shipped.
    pub shipped: &'a Shipped,
    /// All executions.
    pub runs: Vec<Run>,
    /// How many of them have not ended.
    pub running: usize,
    /// All processes; those that are over are gone.
    pub processes: Vec<Option<Process>>,
    /// How many are left.
    pub alive: usize,
    /// Whether the sweep runs every minute.
    pub sweeps: bool,
    /// What is asked for.
    pub request: Value,
    /// Rests so far: a person may go on from one.
    pub rests: u32,
    /// Sweeps since everything rests.
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
        let mut world = World::new(Dice::new(seed), traced);
        setting::build(&mut world);
        let request = setting::request(&mut world.dice);
        let sweeps = !world.strikes(Fault::SweepRests);
        Self {
            world: Rc::new(RefCell::new(world)),
            shipped,
            runs: vec![],
            running: 0,
            processes: vec![],
            alive: 0,
            sweeps,
            request,
            rests: 0,
            swept: 0,
        }
    }

    /// The world, for a moment.
    pub fn world(&self) -> RefMut<'_, World> {
        self.world.borrow_mut()
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
        let mut world = self.world();
        Ended {
            executions: self.runs.len() as u64,
            coverage: std::mem::take(&mut world.coverage),
            wrong: world.wrong.take(),
            trace: world.trace.take().unwrap_or_default(),
        }
    }

    /// Something is due after so many milliseconds.
    pub fn due(&self, after: i64, due: Due) {
        self.world().due(after, due);
    }

    /// Nothing runs, and nothing is on its way.
    fn at_rest(&self) -> bool {
        self.running == 0 && self.alive == 0 && self.world.borrow().agenda.busy == 0
    }

    fn turn(&mut self) {
        let (number, next) = {
            let agenda = &mut self.world().agenda;
            (agenda.number, agenda.next())
        };
        let Some((at, due)) = next else {
            let lost = "nothing is due, and something runs";
            return self.world().violate(lost.to_owned());
        };
        if matches!(&due, Due::Wake(_, timer) if !timer.is_awaited.get()) {
            return;
        }
        {
            let mut world = self.world();
            world.now = world.now.max(at);
        }
        if let Due::Wake(process, timer) = &due
            && timer.kind == Kind::Poll
        {
            // Nothing outside of the process has changed since it looked last, and nothing does now.
            return self.wake(*process, timer);
        }
        self.take(due);
        self.mischief();
        self.settle();
        let mut world = self.world();
        world.check();
        world.check_recorded();
        if number > ENDLESS {
            world.violate("the walk does not come to an end".to_owned());
        }
    }

    fn take(&mut self, due: Due) {
        match due {
            Due::Timer(run, timer) => self.timer(run, timer),
            Due::Invoke(caller, step, payload) => self.invoke(caller, step, *payload),
            Due::Begin(process) => self.begin(process),
            Due::Wake(process, timer) => self.wake(process, &timer),
            Due::Ends(process) => self.time_is_up(process),
            Due::Answer(caller, answer) => self.answer(caller, *answer),
            Due::Approval(token, yes) => self.approval(token, yes),
            Due::Start(input) => {
                self.start(Machine::Rollback, *input, None);
            }
            Due::World(turn) => self.world().take(turn),
            Due::Tick => {
                let mut world = self.world();
                let after = world.dice.between(1_000, 600_000);
                world.due(after, Due::Tick);
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
        let (questions, starts, ended, green, rang) = {
            let world = &mut *self.world();
            (
                std::mem::take(&mut world.questions),
                std::mem::take(&mut world.starts),
                std::mem::take(&mut world.ended_waits),
                world.green_untold.take(),
                world.alarm.untold.take(),
            )
        };
        for token in questions {
            self.ask_person(token);
        }
        for (name, input) in starts {
            let fresh = self.world().started.insert(name);
            if fresh {
                self.start(Machine::Rollback, input, None);
            }
        }
        for (token, how) in ended {
            self.end_wait(token, how);
        }
        if let Some(deployment) = green {
            self.green_event(&deployment);
        }
        if let Some(at) = rang {
            self.alarm_event(at);
        }
    }
}
