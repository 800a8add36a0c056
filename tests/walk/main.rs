//! A random walk over the shipped machines, in virtual time.
//!
//! The world is simulated; the machines, the rules and every decision are the real ones. Between any two things that a
//! Lambda does, the application writes, processes die or stand still, answers get lost, alarms ring, people stop executions and start others, RDS
//! takes its switchover back. In every state the guarantees of `docs/guarantees.md` must hold.
//!
//! `VIRIDIAN_WALKS` says how many executions there are; `VIRIDIAN_WALK_SEED` replays one walk and tells everything that
//! happened in it.

#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a test ends where something is not what it must be, and tells what it covered"
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
