//! What goes wrong in a walk, and how often what went wrong where.

use super::dice::Dice;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

macro_rules! faults {
    ($($(#[$doc:meta])* $name:ident = $usual:literal,)*) => {
        /// Something that goes wrong.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Fault { $($(#[$doc])* $name,)* }

        impl Fault {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// How often in ten thousand occasions, in a walk of medium weather.
            const fn usual(self) -> u32 {
                match self { $(Self::$name => $usual,)* }
            }
        }
    };
}

faults! {
    /// A Lambda's process dies.
    Killed = 40,
    /// A Lambda stands still for seconds.
    Stalled = 60,
    /// A Lambda stands still until after its deadline, and comes back for one last write to the table.
    Outlived = 15,
    /// Step Functions calls a Lambda twice.
    InvokedTwice = 300,
    /// A Lambda's answer does not reach Step Functions, while the Lambda goes on.
    AnswerDropped = 200,
    /// A call did its work, and its answer was lost.
    AnswerLost = 80,
    /// A call was not taken.
    CallFailed = 80,
    /// A look got no answer.
    LookFailed = 60,
    /// A person stops an execution in the console.
    Aborted = 12,
    /// The person's message is not taken.
    NoticeFailed = 300,
    /// The same upgrade is started once more.
    StartedTwice = 15,
    /// Another upgrade of the same database is started.
    SecondUpgrade = 15,
    /// A person starts the rollback machine.
    PersonOrder = 12,
    /// Nothing happens anywhere for minutes.
    ClockJump = 8,
    /// A Lambda's clock differs.
    ClockDiffers = 2000,
    /// EventBridge loses an event.
    EventLost = 1500,
    /// EventBridge delivers an event late.
    EventLate = 2500,
    /// EventBridge delivers an event twice.
    EventTwice = 1500,
    /// An alarm rings.
    AlarmRang = 15,
    /// An alarm can't tell.
    AlarmBlind = 25,
    /// A server does not answer for a while.
    ServerAway = 15,
    /// A server that ended its sessions has another address afterwards, as after a failover.
    AddressMoved = 3000,
    /// Old stays away for a while when RDS is through with it.
    OldAway = 700,
    /// A session does not end when it is told to.
    SessionStays = 800,
    /// A session that was logging in as its role was closed shows a moment later.
    SessionLate = 1000,
    /// A role that no fence holds writes on the side that is left.
    PastFence = 500,
    /// No server lets our role in for a while.
    LoginRefused = 3,
    /// Our role may not alter the application's.
    NoRight = 100,
    /// A logical link stands still for a while.
    LinkRests = 10,
    /// The link of the way back breaks.
    LinkBreaks = 5,
    /// A table, or a role, is made where the application writes.
    MadeLate = 3,
    /// A transaction stays open.
    TransactionOpen = 100,
    /// RDS is busy with green's storage for a while.
    GreenBusy = 25,
    /// RDS can't make green.
    NoGreen = 500,
    /// Green lacks a row that blue had when green was made.
    GreenUnlike = 200,
    /// RDS refuses to switch over, and waiting does not change it.
    SwitchRefused = 300,
    /// RDS takes the switchover back.
    TakenBack = 2500,
    /// The servers' names lead where they led for a while after RDS has swapped them.
    NamesLate = 2000,
    /// RDS switches over without what blue had committed.
    MarkerMissing = 300,
    /// The deployment is switched over by hand.
    ForeignSwitch = 5,
    /// A person opens old by hand, to read there.
    OldOpened = 30,
    /// The record of a deployment that was switched over is deleted by hand.
    RecordDeleted = 6,
    /// That record is deleted as soon as it says that it was switched over.
    DeletedAtOnce = 2000,
    /// Instances of green outlive their deployment.
    GreenLeft = 1500,
    /// The final snapshot fails.
    SnapshotFails = 500,
    /// A person does not approve, or says no.
    NotApproved = 1,
    /// The sweep does not run until everything rests.
    SweepRests = 5000,
    /// A person frees the claim of an upgrade that needed them, and another upgrade begins.
    Cleared = 3000,
}

/// How often everything goes wrong in one walk.
#[derive(Debug, Clone, Default)]
pub struct Weather {
    /// In ten thousand occasions, by fault.
    rates: Vec<u32>,
    /// The state before which all is fair.
    fair_until: Option<&'static str>,
    /// Whether everything rests, and nothing goes wrong meanwhile.
    pub resting: bool,
}

/// Where mischief may begin, so that late states are reached often enough.
const BEGINNINGS: [Option<&str>; 9] = [
    None,
    None,
    Some("Provision"),
    Some("Ramp"),
    Some("Watch"),
    Some("Switchover"),
    Some("Switchover"),
    Some("Settle"),
    Some("WatchAfter"),
];

impl Weather {
    /// Some walks are calm, some have a few kinds of fault often, and some have it all.
    pub fn of(dice: &mut Dice) -> Self {
        let some = |dice: &mut Dice| [(); 3].map(|()| dice.pick(Fault::ALL));
        let (percent, only) = match dice.below(10) {
            0..=3 => (300, Some(some(dice))),
            4..=6 => (40, None),
            7..=8 => (100, None),
            _ => (200, None),
        };
        let rate = |fault: &Fault| match only {
            Some(only) if !only.contains(fault) => 0,
            _ => (fault.usual() * percent / 100).min(9_000),
        };
        Self {
            rates: Fault::ALL.iter().map(rate).collect(),
            fair_until: dice.pick(&BEGINNINGS),
            resting: false,
        }
    }

    /// A state is entered: it may be the one in which mischief begins.
    pub fn entered(&mut self, state: &str) {
        self.fair_until = self.fair_until.filter(|begins| *begins != state);
    }

    /// Whether it happens now.
    pub fn strikes(&self, fault: Fault, dice: &mut Dice) -> bool {
        let fair = self.resting || self.fair_until.is_some();
        !fair && dice.chance(self.rates[fault as usize])
    }
}

/// How often what happened in which state, and how often each state was entered.
#[derive(Debug, Clone, Default)]
pub struct Coverage {
    /// Faults by state.
    pub faults: BTreeMap<(Fault, Arc<str>), u64>,
    /// Entries by state.
    pub states: BTreeMap<String, u64>,
    /// Executions that ended, by machine and status.
    pub ends: BTreeMap<String, u64>,
}

fn add<K: Ord>(counts: &mut BTreeMap<K, u64>, more: BTreeMap<K, u64>) {
    for (key, count) in more {
        *counts.entry(key).or_default() += count;
    }
}

impl Coverage {
    /// Counts a fault.
    pub fn fault(&mut self, fault: Fault, state: &Arc<str>) {
        *self.faults.entry((fault, Arc::clone(state))).or_default() += 1;
    }

    /// Counts the entry of a state.
    pub fn entered(&mut self, state: &str) {
        *self.states.entry(state.to_owned()).or_default() += 1;
    }

    /// Counts an end.
    pub fn ended(&mut self, how: String) {
        *self.ends.entry(how).or_default() += 1;
    }

    /// Adds what another thread counted.
    pub fn add(&mut self, other: Self) {
        add(&mut self.faults, other.faults);
        add(&mut self.states, other.states);
        add(&mut self.ends, other.ends);
    }

    /// How often a fault happened at all.
    pub fn of(&self, fault: Fault) -> u64 {
        let counts = self.faults.iter().filter(|((one, _), _)| *one == fault);
        counts.map(|(_, count)| count).sum()
    }

    /// The table: a line per fault, with the states in which it happened.
    pub fn table(&self) -> String {
        let mut text = String::new();
        for fault in Fault::ALL {
            let _ = write!(text, "{fault:?} {}:", self.of(*fault));
            for ((one, state), count) in &self.faults {
                if one == fault {
                    let _ = write!(text, " {state} {count}");
                }
            }
            text.push('\n');
        }
        let _ = writeln!(text, "entered: {:?}", self.states);
        let _ = writeln!(text, "ended: {:?}", self.ends);
        text
    }
}
