//! One invocation of a Lambda, as which the shipped code of a step sees the world: everything that it does goes through
//! here, takes time, and may fail before it is done or lose its answer after it.

mod engine;
mod services;
mod session;
mod table;
pub mod timer;

use super::agenda::Due;
use super::faults::Fault;
use super::world::{Fallible, World, silence};
use domain::ids::{Epoch, Millis, ResourceId};
use ports::{Clock, Elapsed, Nature};
use std::cell::{Cell, RefCell, RefMut};
use std::collections::BTreeMap;
use std::future::{pending, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;
use timer::{Kind, Waiting};

/// A sleep that is no longer than this, in milliseconds, is one between two looks of many.
const MOMENT: i64 = 20;
/// How often in ten thousand an answer takes another while after the work was done.
const LATE: u32 = 600;

/// An invocation, shared by the walk and the step's own code.
#[derive(Debug)]
pub struct Invocation {
    /// Lambda's id of it.
    pub id: String,
    /// The function.
    pub step: &'static str,
    /// The process, by its place.
    pub number: usize,
    /// When it began.
    pub began: i64,
    /// When Lambda ends it.
    pub deadline: i64,
    /// How much its clock is ahead.
    pub skew: i64,
    /// What it did last, if its deadline is over.
    pub outlived: Cell<Option<Kind>>,
    /// What it is at.
    pub at: Cell<&'static str>,
    /// What it did before.
    pub before: Cell<&'static str>,
    /// The epoch of its lease, and the last that it has read.
    pub epochs: Cell<(Epoch, Epoch)>,
    /// The servers that it looked up to connect to them, by host name.
    pub hosts: RefCell<BTreeMap<String, ResourceId>>,
}

/// A step's view of the world: every port of it.
#[derive(Clone)]
pub struct Call {
    /// The world.
    pub world: Rc<RefCell<World>>,
    /// The invocation.
    pub me: Rc<Invocation>,
}

impl Call {
    fn world(&self) -> RefMut<'_, World> {
        self.world.borrow_mut()
    }

    /// Lets go, for so many milliseconds and whatever else happens.
    async fn pause(&self, at: &'static str, kind: Kind, after: i64) {
        if self.me.outlived.get() == Some(Kind::Read) {
            self.check_late(at, kind);
        }
        if self.me.outlived.get().is_some() {
            pending::<()>().await;
        }
        self.me.before.set(self.me.at.replace(at));
        let (timer, waiting) = Waiting::new(kind);
        let due = Due::Wake(self.me.number, timer);
        self.world().due(after, due);
        waiting.await;
    }

    /// Who looked at the table after its lease may not act on what it saw. Records are changed between two looks at them; what
    /// follows them where that was refused is another matter.
    fn check_late(&self, at: &'static str, kind: Kind) {
        let acts = match self.me.before.get() {
            "records" => at == "change records",
            _ => kind == Kind::Act,
        };
        let me = &self.me.id;
        let mut world = self.world();
        if acts && world.is_held_by(me) {
            world.violate(format!("{me} may act after its lease"));
        }
    }

    /// Who has read that another took over does not act any more, but for what a switchover does beside that look: closing old, and
    /// arming the link.
    fn check_epoch(&self, world: &mut World, at: &'static str) {
        let (leased, read) = self.me.epochs.get();
        if leased < read && !["raise", "drain", "drain on", "arm"].contains(&at) {
            let me = &self.me.id;
            world.violate(format!("G5: {me} does `{at}` although another took over"));
        }
    }

    async fn point(&self, at: &'static str, kind: Kind) {
        let after = self.world().dice.between(1, 60);
        self.pause(at, kind, after).await;
        self.world().note(|| format!("{} {at}", self.me.id));
    }

    /// Looks at something.
    async fn look<T>(
        &self,
        at: &'static str,
        look: impl FnOnce(&mut World) -> Fallible<T>,
    ) -> Fallible<T> {
        self.point(at, Kind::Look).await;
        let mut world = self.world();
        if world.strikes(Fault::LookFailed) {
            return silence(Nature::Looked, at);
        }
        look(&mut world)
    }

    /// As [`Self::look`], where what is seen can't fail.
    async fn see<T>(&self, at: &'static str, see: impl FnOnce(&mut World) -> T) -> Fallible<T> {
        self.look(at, |world| Ok(see(world))).await
    }

    /// Changes something. Without a lease of its own where `kind` is [`Kind::Free`].
    async fn act<T>(
        &self,
        at: &'static str,
        kind: Kind,
        act: impl FnOnce(&mut World) -> Fallible<T>,
    ) -> Fallible<T> {
        self.point(at, kind).await;
        let (done, lost, late) = {
            let mut world = self.world();
            if world.strikes(Fault::CallFailed) {
                return silence(Nature::Acted, at);
            }
            if kind == Kind::Act {
                world.check_actor(&self.me.id, at);
                self.check_epoch(&mut world, at);
            }
            let done = act(&mut world);
            let lost = world.strikes(Fault::AnswerLost);
            (done, lost, world.dice.chance(LATE))
        };
        if lost || late {
            self.point("without an answer", Kind::Look).await;
        }
        if lost {
            return silence(Nature::Acted, at);
        }
        done
    }
}

/// Ports of a world that is each of them itself.
macro_rules! itself {
    ($($port:ident)*) => { $(fn $port(&self) -> &Self { self })* };
}

impl ports::World for Call {
    type Upgrades = Self;
    type Rds = Self;
    type Alarms = Self;
    type TaskTokens = Self;
    type Executions = Self;
    type Notices = Self;
    type Metrics = Self;
    type Zones = Self;
    type Parameters = Self;
    type Listeners = Self;
    type Names = Self;
    type Logins = Self;
    type Clock = Self;

    itself!(upgrades rds alarms task_tokens executions notices metrics);
    itself!(zones parameters listeners names logins clock);

    fn record_ttl(&self) -> u32 {
        super::setting::TTL
    }
}

impl Clock for Call {
    fn now(&self) -> Millis {
        Millis(self.world.borrow().now + self.me.skew)
    }

    async fn sleep(&self, span: Duration) {
        let after = millis(span);
        let kind = if after <= MOMENT {
            Kind::Poll
        } else {
            Kind::Sleep
        };
        self.pause("sleep", kind, after).await;
    }

    async fn timeout<T>(
        &self,
        limit: Duration,
        work: impl Future<Output = T>,
    ) -> Result<T, Elapsed> {
        let mut work = pin!(work);
        let mut limit = pin!(self.pause("timeout", Kind::Sleep, millis(limit)));
        poll_fn(|context| match work.as_mut().poll(context) {
            Poll::Ready(done) => Poll::Ready(Ok(done)),
            Poll::Pending => limit.as_mut().poll(context).map(|()| Err(Elapsed)),
        })
        .await
    }
}

/// A span in milliseconds.
pub fn millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX / 4)
}
