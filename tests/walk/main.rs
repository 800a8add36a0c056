//! A random walk over the shipped machines and the shipped steps, in virtual time.
//!
//! Real are the two machines and their interpreter, the template's rules and timeouts, and the code of every step, which is
//! generic over its ports. Simulated is the world behind the ports ([`world`]: servers with their commits, sessions, slots and
//! sequences; RDS; Route 53; alarms; the table of upgrades). An invocation of a step is a future ([`invoke`]); each of its
//! calls of a port ([`call`]) takes virtual time, so that what it does at the same time interleaves. Meanwhile the application
//! writes wherever it can, processes die, stand still or outlive their lease, calls fail or lose their answer, alarms ring,
//! people stop executions and start others, RDS takes its switchover back ([`faults`], [`mischief`]). In every state the
//! guarantees of `docs/guarantees.md` must hold, and more once everything rests ([`invariants`]).
//!
//! A seed decides everything, so that a walk can be replayed to the letter.
//!
//! | variable | meaning |
//! |---|---|
//! | `VIRIDIAN_WALKS` | how many executions a run has; 20,000 otherwise |
//! | `VIRIDIAN_WALK_SEED` | replays one walk, and prints everything that happens in it |
//! | `VIRIDIAN_WALK_ENOUGH` | after how many different things that are wrong a run ends; 6 otherwise |
//! | `VIRIDIAN_WALK_FROM`, `VIRIDIAN_WALK_TO` | tries these seeds, both ends included, and no others |
//!
//! A run that is long enough must have met every fault and entered every state.
//!
//! # What it does not try
//!
//! - The world is one database with one table, to which rows are added, and one application role. Prepared transactions, other
//!   replication, extensions and indexes that answer nothing are never there. Statements, and what an engine makes of them, are
//!   left to the tests on real servers: a method of a session is one look or one act, apart from `follow`, `drain` and
//!   `await_marker`.
//! - RDS for `MySQL` and `MariaDB`, a login by IAM, a secret that is missing, engine's own checks of the plan (but for a role
//!   that is closed), and records beside ours.
//! - Writes past the fence are tried on the side that is left by the way back, where transaction ids show them. What RDS itself
//!   loses is everything from the last marker on.
//! - Deployments of the same database that are made by hand, and instances that are renamed, restored or resized by hand.
//! - What a plan writes for people alone (its checks, steps and text) is not carried on from the step.
//! - An act is never halved, and a call that timed out has done its work or has not: it does it no later.
//!
//! Once RDS's record of the deployment was deleted by hand before old was closed, a walk may end with no side that takes
//! writes and a person called, as the guarantees say, and it ends there.
//!
//! # Mutants
//!
//! `make mutants` makes one mistake at a time in the shipped code, and writes which walk notices it to `docs/mutants.md`.
//!
//! Not among them are mistakes that something else makes good in this world: a switchover that begins anew without looking at RDS
//! three times (RDS shows a call within half a second, and the lease of the call that died lasts longer); a lost answer of RDS's
//! call that is taken for a refusal (sessions on swapped sides are not recognized, so that no fence is lifted); the look at the
//! record between the write that says that RDS is called and the call; a foreign switchover that is completed as if it were ours
//! (the record has no fence of old); the look, before closing, at an old that is open; an old that follows before it is
//! seen to be closed (it is closed again before RDS's record goes); green's members that are recorded while a switchover by hand
//! swaps names (that has to be in the tenth of a second between two looks); a link that is armed beside an
//! application that is back (the call that opens green has armed it) or without the marker (green stays closed then); and, in the
//! failback, each of the three looks that see green closed, the fence that a late or hopeless try takes down (each try begins
//! with that), and the rollback's last look at blue.

#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a test ends where something is not what it must be, and tells what it covered"
)]
#![allow(
    clippy::large_futures,
    clippy::needless_pass_by_value,
    reason = "a step's future is boxed once, and what is short here is what is clear"
)]

mod agenda;
mod call;
mod dice;
mod execution;
mod faults;
mod functions;
mod invariants;
mod invoke;
mod machines;
mod mischief;
mod process;
mod setting;
mod walk;
mod world;

use faults::{Coverage, Fault};
use machines::{Machine, Shipped};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use walk::{Ended, Walk};

/// Executions in a run, unless it says how many.
const EXECUTIONS: u64 = 20_000;
/// From so many executions on, every state must have been entered: some take two accidents, one after the other.
const MANY: u64 = 100_000;
/// So many different things that are wrong are enough.
const ENOUGH: usize = 6;

fn number<N: std::str::FromStr>(variable: &str) -> Option<N> {
    std::env::var(variable).ok()?.parse().ok()
}

/// Which walks a run has.
#[derive(Debug, Clone, Copy)]
struct Extent {
    /// From this seed.
    from: u64,
    /// To this seed.
    to: u64,
    /// Until there were so many executions.
    executions: u64,
    /// Until so many different things are wrong.
    wrong: usize,
}

/// What a run found.
#[derive(Debug, Default)]
struct Found {
    executions: u64,
    coverage: Coverage,
    /// The seeds of the walks that went wrong, by what went wrong in them, apart from numbers.
    wrong: BTreeMap<String, Vec<u64>>,
}

impl Found {
    fn take(&mut self, seed: u64, ended: Ended) {
        self.executions += ended.executions;
        self.coverage.add(ended.coverage);
        if let Some(wrong) = ended.wrong {
            // Without its numbers, but for the guarantee's.
            let guarantee = wrong.find(": ").unwrap_or(0);
            let (guarantee, rest) = wrong.split_at(guarantee);
            let rest = rest.chars().filter(|c| !c.is_ascii_digit());
            let what = guarantee.chars().chain(rest).collect();
            self.wrong.entry(what).or_default().push(seed);
        }
    }

    fn add(&mut self, other: Self) {
        self.executions += other.executions;
        self.coverage.add(other.coverage);
        for (what, seeds) in other.wrong {
            self.wrong.entry(what).or_default().extend(seeds);
        }
    }

    /// A line for each thing that is wrong, with the seeds in which it is.
    fn told(&self) -> String {
        let lines = self.wrong.iter().map(|(what, seeds)| {
            let seeds: Vec<String> = seeds.iter().map(u64::to_string).collect();
            format!("VIRIDIAN_WALK_SEED={}: {what}\n", seeds.join(","))
        });
        lines.collect()
    }
}

/// The walks of one thread.
fn walks(extent: Extent, next: &AtomicU64, done: &AtomicU64) -> Found {
    let shipped = Shipped::read();
    let mut found = Found::default();
    while done.load(Ordering::Relaxed) < extent.executions && found.wrong.len() < extent.wrong {
        let seed = next.fetch_add(1, Ordering::Relaxed);
        if seed > extent.to {
            break;
        }
        let ended = Walk::new(&shipped, seed, false).walk();
        done.fetch_add(ended.executions, Ordering::Relaxed);
        found.take(seed, ended);
    }
    found
}

/// Expressions are evaluated on a stack of their own where less than a few megabytes are left.
fn thread() -> std::thread::Builder {
    std::thread::Builder::new().stack_size(64 << 20)
}

fn run(extent: Extent) -> Found {
    let (next, done) = (AtomicU64::new(extent.from), AtomicU64::new(0));
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    let mut found = Found::default();
    std::thread::scope(|scope| {
        let begin = |_| {
            let walks = || walks(extent, &next, &done);
            thread().spawn_scoped(scope, walks).expect("a thread")
        };
        let threads: Vec<_> = (0..threads).map(begin).collect();
        for thread in threads {
            found.add(thread.join().expect("a thread that ends"));
        }
    });
    found
}

fn replay(seed: u64) -> Ended {
    let walk = move || Walk::new(&Shipped::read(), seed, true).walk();
    let thread = thread().spawn(walk).expect("a thread");
    thread.join().expect("a thread that ends")
}

#[test]
fn whatever_happens_the_guarantees_hold() {
    if let Some(seed) = number("VIRIDIAN_WALK_SEED") {
        let ended = replay(seed);
        ended.trace.iter().for_each(|line| println!("{line}"));
        assert!(ended.wrong.is_none(), "seed {seed}: {:?}", ended.wrong);
    } else if let (Some(from), Some(to)) =
        (number("VIRIDIAN_WALK_FROM"), number("VIRIDIAN_WALK_TO"))
    {
        let (executions, wrong) = (u64::MAX, usize::MAX);
        let found = run(Extent {
            from,
            to,
            executions,
            wrong,
        });
        println!("{}", found.coverage.table());
        assert!(found.wrong.is_empty(), "\n{}", found.told());
        let executions = found.executions;
        println!("seeds {from}..{to}: {executions} executions, nothing wrong");
    } else {
        let executions = number("VIRIDIAN_WALKS").unwrap_or(EXECUTIONS);
        let found = run(Extent {
            from: 1,
            to: u64::MAX,
            executions,
            wrong: number("VIRIDIAN_WALK_ENOUGH").unwrap_or(ENOUGH),
        });
        println!("{}", found.coverage.table());
        assert!(found.wrong.is_empty(), "\n{}", found.told());
        if executions >= EXECUTIONS {
            every_fault_happened(&found.coverage);
        }
        if executions >= MANY {
            every_state_was_entered(&found.coverage);
        }
    }
}

#[test]
fn a_seed_replays_to_the_letter() {
    for seed in [7, 77, 777, 7_777] {
        let [first, second] = [replay(seed), replay(seed)];
        assert!(first.trace.len() > 100, "seed {seed} is no walk");
        let different = first.trace.iter().zip(&second.trace);
        let different = different
            .into_iter()
            .find(|(first, second)| first != second);
        assert_eq!(different, None, "seed {seed}");
        assert_eq!(first.trace.len(), second.trace.len(), "seed {seed}");
    }
}

fn every_fault_happened(coverage: &Coverage) {
    for fault in Fault::ALL {
        assert!(coverage.of(*fault) > 0, "{fault:?} never happened");
    }
}

fn every_state_was_entered(coverage: &Coverage) {
    let shipped = Shipped::read();
    let states = [Machine::Upgrade, Machine::Rollback].map(|machine| shipped.states(machine));
    for state in states.concat() {
        let entered = coverage.states.contains_key(&state);
        assert!(entered, "{state} was never entered");
    }
}
