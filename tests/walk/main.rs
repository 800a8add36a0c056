//! A random walk over the shipped machines, in virtual time.
//!
//! Real are the two machines and their interpreter, the template's rules, and every decision of `domain`. Simulated are
//! the world ([`world`]: servers with their commits, sessions, slots and sequences; RDS; Route 53; alarms; the table under
//! the conditions of `effects::claims`) and the hands of the Lambdas ([`steps`]: the same looks and acts in the same order
//! as the functions have them). Between any two things that a Lambda does, the application writes wherever it can,
//! processes die, stand still or outlive their lease, answers get lost, alarms ring, people stop executions and start
//! others, RDS takes its switchover back ([`faults`]). In every state the guarantees of `docs/guarantees.md` must hold, and
//! more once everything rests ([`invariants`]).
//!
//! `VIRIDIAN_WALKS` says how many executions there are, 100,000 otherwise; `VIRIDIAN_WALK_SEED` replays one walk and tells
//! everything that happened in it. A run that is long enough must have met every fault and entered every state.
//!
//! # What it does not try
//!
//! A server has one database and one application role. Writes past the fence by another role, DDL on green, and commits
//! that RDS itself loses after the marker are left to the tests on real servers. A look or an act takes up to 60 ms and is
//! never halved: within PostgreSQL and AWS each is taken to happen at once.
//! Once somebody has deleted RDS's record of the deployment before old was closed, a walk may end with nobody served and a
//! person called, as the guarantees say, and it ends there.
//!
//! # Mutants
//!
//! The walk was tried on code that was made wrong on purpose. Found within 15,000 to 30,000 executions were: a green that
//! is opened without its marker (`switchover::missing`); an upgrade that stopped and goes back after the switchover
//! (`rollback::order`); an old that is not asked whether it is closed (`switchover::prove`); a deployment that counts as
//! switched before its members are (`Deployment::is_switched`); a claim of another upgrade that is taken for one's own
//! (`claim::found`); an old that is deleted before its snapshot is available (`retire::next`).
//! Not found, because something else keeps the same promise in this world: a rollback whose decision leaves the reads on green
//! (each call puts them back before it decides), and a crossing that tolerates commits after its marker (nobody writes
//! past the fence here).

#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a test ends where something is not what it must be, and tells what it covered"
)]
#![allow(
    clippy::await_holding_refcell_ref,
    clippy::large_futures,
    clippy::match_bool,
    clippy::needless_for_each,
    clippy::needless_pass_by_value,
    clippy::struct_excessive_bools,
    reason = "one thread, on which every borrow is given back before it lets go; what is short here is what is clear"
)]

mod call;
mod dice;
mod execution;
mod faults;
mod held;
mod invariants;
mod machines;
mod mischief;
mod process;
mod setting;
mod steps;
mod walk;
mod world;

use faults::{Coverage, Fault};
use machines::{Machine, Shipped};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use walk::{Ended, Walk};

/// Executions in a run that nobody asked more of.
const EXECUTIONS: u64 = 100_000;
/// So many different things that are wrong are enough.
const ENOUGH: usize = 6;

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

/// What went wrong, apart from numbers, and the seed of the first walk in which it did.
type Wrong = BTreeMap<String, u64>;

/// What a thread saw: coverage, and what went wrong.
fn walks(next: &AtomicU64, done: &AtomicU64, wanted: u64) -> (Coverage, Wrong) {
    let shipped = Shipped::read();
    let (mut coverage, mut all) = (Coverage::default(), Wrong::new());
    while done.load(Ordering::Relaxed) < wanted && all.len() < ENOUGH {
        let seed = next.fetch_add(1, Ordering::Relaxed);
        let Ended {
            executions,
            coverage: seen,
            wrong,
            ..
        } = Walk::new(&shipped, seed, false).walk();
        done.fetch_add(executions, Ordering::Relaxed);
        coverage.add(seen);
        if let Some(wrong) = wrong {
            let what = wrong.chars().filter(|c| !c.is_ascii_digit()).collect();
            all.entry(what).or_insert(seed);
        }
    }
    (coverage, all)
}

fn replay(seed: u64) -> Ended {
    let ended = Walk::new(&Shipped::read(), seed, true).walk();
    ended.trace.iter().for_each(|line| println!("{line}"));
    ended
}

#[test]
fn whatever_happens_the_guarantees_hold() {
    if let Some(seed) = number("VIRIDIAN_WALK_SEED") {
        let ended = replay(seed);
        assert!(ended.wrong.is_none(), "seed {seed}: {:?}", ended.wrong);
        return;
    }
    let wanted = number("VIRIDIAN_WALKS").unwrap_or(EXECUTIONS);
    let (next, done) = (AtomicU64::new(1), AtomicU64::new(0));
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    let (mut coverage, mut all) = (Coverage::default(), Wrong::new());
    std::thread::scope(|scope| {
        let thread = |_| {
            // Expressions are evaluated on a stack of their own where less than a few megabytes are left.
            let builder = std::thread::Builder::new().stack_size(64 << 20);
            builder
                .spawn_scoped(scope, || walks(&next, &done, wanted))
                .expect("a thread")
        };
        let threads: Vec<_> = (0..threads).map(thread).collect();
        for thread in threads {
            let (seen, wrong) = thread.join().expect("a thread that ends");
            coverage.add(seen);
            all.extend(wrong);
        }
    });
    println!("{}", coverage.table());
    let told: Vec<String> = all
        .iter()
        .map(|(what, seed)| format!("VIRIDIAN_WALK_SEED={seed}: {what}"))
        .collect();
    assert!(told.is_empty(), "{}", told.join("\n"));
    complete(&coverage, wanted);
}

/// Every fault happened, and every state was entered, if the run was long enough to ask for that.
fn complete(coverage: &Coverage, executions: u64) {
    if executions < EXECUTIONS {
        return;
    }
    for fault in Fault::ALL {
        assert!(coverage.of(*fault) > 0, "{fault:?} never happened");
    }
    let shipped = Shipped::read();
    let states = [Machine::Upgrade, Machine::Rollback].map(|machine| shipped.states(machine));
    for state in states.concat() {
        assert!(
            coverage.states.contains_key(&state),
            "{state} was never entered"
        );
    }
}
