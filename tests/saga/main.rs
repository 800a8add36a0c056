//! Repeat every state, fail every state, kill in every state: each task of the shipped machines meets each fault, with an
//! application that writes, and once everything has come to rest exactly one side serves, behind no fence, with nothing
//! lost.
//!
//! `SAGA=Switchover` runs the cases with that in their names only, `SAGA_JOURNEY=upgrade` those on such journeys;
//! `SAGA_WORKERS` says how many run at a time. With `SAGA_SAMPLE`, any text, each state meets one of its faults, chosen by the text.

mod case;
mod faults;
mod follow;
mod journeys;
mod machines;
mod report;
mod traps;
mod verdict;
mod world;

use anyhow::{Result, ensure};
use case::{Bench, Case, Done, Visits};
use local_aws::keeper::Keeper;
use local_aws::moto::Moto;
use local_aws::network::Network;
use local_aws::template::Template;
use local_aws::toolchain::{Toolchain, workspace};
use machines::{Place, ROLLBACK};
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Names the journeys that are made; all without it.
const JOURNEY: &str = "SAGA_JOURNEY";

/// How many cases run at a time: most of their time is other people's.
const WORKERS: usize = 5;

#[tokio::test(flavor = "multi_thread")]
async fn every_state_meets_every_fault_and_ends_safely() -> Result<()> {
    let bench = Arc::new(prepare().await?);
    let (keeper, motos) = motos(&bench).await?;
    let wanted = std::env::var(JOURNEY).unwrap_or_default();
    let journeys = journeys::all().into_iter();
    let journeys = journeys.filter(|journey| journey.name.contains(&wanted));
    let plain = journeys.map(|journey| Case {
        journey,
        fault: None,
    });
    let scouted = run_all(&bench, &motos, plain.collect()).await?;
    let mut results: Vec<Done> = scouted.iter().map(|(done, _)| done.clone()).collect();
    if std::env::var_os(JOURNEY).is_none() {
        check_reach(&bench, &scouted)?;
    }
    let cases = cases(&bench, &scouted);
    let ran = run_all(&bench, &motos, cases).await?;
    results.extend(ran.into_iter().map(|(done, _)| done));
    let results = once_more(&bench, &motos[..1], results).await?;
    report::write(&workspace().join(".local/saga"), &results)?;
    let bad: Vec<String> = results
        .iter()
        .filter(|done| !done.verdict.problems.is_empty())
        .map(|done| format!("{}: {}", done.case, done.verdict.problems.join("; ")))
        .collect();
    ensure!(
        bad.is_empty(),
        "{} of {} are bad:\n{}",
        bad.len(),
        results.len(),
        bad.join("\n")
    );
    keeper.shutdown().await?;
    Ok(std::fs::remove_dir_all(&bench.folder)?)
}

/// Bad cases alone: where many run at a time, one may have waited too long for what another one used. What is bad twice is
/// bad; what is not is marked in the table.
async fn once_more(
    bench: &Arc<Bench>,
    motos: &[(Moto, Network)],
    results: Vec<Done>,
) -> Result<Vec<Done>> {
    let (mut results, bad): (Vec<_>, Vec<_>) = results
        .into_iter()
        .partition(|done| done.verdict.problems.is_empty());
    let cases = bad.into_iter().map(|done| done.case).collect();
    let again = run_all(bench, motos, cases).await?.into_iter();
    results.extend(again.map(|(done, _)| Done {
        alone: true,
        ..done
    }));
    Ok(results)
}

async fn prepare() -> Result<Bench> {
    let folder = tests::run_folder("saga");
    std::fs::create_dir_all(&folder)?;
    let template = workspace().join("infra/template.yaml");
    let template = Template::read(&template, &BTreeMap::new())?;
    let tasks = machines::tasks(&template)?;
    let frozen = world::freeze(&folder, &tasks).await?;
    Ok(Bench {
        folder,
        begun: AtomicUsize::new(0),
        frozen,
        tasks,
    })
}

/// One moto per worker, with the networks that they stand in.
async fn motos(bench: &Bench) -> Result<(Keeper, Vec<(Moto, Network)>)> {
    let keeper = Keeper::start(&bench.folder.join("motos"))?;
    let toolchain = Toolchain::find()?;
    let workers = std::env::var("SAGA_WORKERS").ok();
    let workers = workers.and_then(|it| it.parse().ok()).unwrap_or(WORKERS);
    let mut motos = Vec::new();
    for _ in 0..workers {
        let network = Network::claim()?;
        let moto = Moto::start(&toolchain, &keeper, network.moto()?).await?;
        motos.push((moto, network));
    }
    Ok((keeper, motos))
}

/// Every task is entered by some journey.
fn check_reach(bench: &Bench, scouted: &[(Done, Visits)]) -> Result<()> {
    let entered = scouted.iter().flat_map(|(_, visits)| visits.keys());
    let entered: BTreeSet<_> = entered.collect();
    let missed = bench.tasks.keys().filter(|place| !entered.contains(place));
    let missed: Vec<String> = missed.map(ToString::to_string).collect();
    ensure!(missed.is_empty(), "no journey enters {missed:?}: add one");
    Ok(())
}

/// Every task with every fault that it can meet.
fn cases(bench: &Bench, scouted: &[(Done, Visits)]) -> Vec<Case> {
    let mut cases = Vec::new();
    for (place, task) in &bench.tasks {
        let mut visitors: Vec<_> = scouted
            .iter()
            .filter(|(done, visits)| is_free(done, place) && visits.contains_key(place))
            .collect();
        let own_world = |(done, _): &&(Done, Visits)| done.case.journey.own_world;
        if place.machine == ROLLBACK && visitors.iter().any(own_world) {
            visitors.retain(own_world);
        } else {
            visitors.truncate(1);
        }
        for (done, visits) in visitors {
            let kinds = faults::of(task, &visits[place]);
            cases.extend(kinds.into_iter().map(|kind| Case {
                journey: done.case.journey.clone(),
                fault: Some((place.clone(), kind)),
            }));
        }
    }
    let wanted = std::env::var("SAGA").unwrap_or_default();
    cases.retain(|case| case.to_string().contains(&wanted));
    match std::env::var("SAGA_SAMPLE") {
        Ok(by) => sample(cases, &by),
        Err(_) => cases,
    }
}

/// One case of each state, chosen by a text.
fn sample(cases: Vec<Case>, by: &str) -> Vec<Case> {
    let mut states: BTreeMap<String, Vec<Case>> = BTreeMap::new();
    for case in cases {
        let state = case.fault.as_ref().map(|(place, _)| place.to_string());
        states
            .entry(state.unwrap_or_default())
            .or_default()
            .push(case);
    }
    let chosen = states.into_iter().map(|(state, mut cases)| {
        let mut hasher = DefaultHasher::new();
        (by, state).hash(&mut hasher);
        let number = usize::try_from(hasher.finish() % cases.len() as u64);
        cases.swap_remove(number.unwrap_or(0))
    });
    chosen.collect()
}

/// Whether nothing is in the way already in this state.
fn is_free(done: &Done, place: &Place) -> bool {
    let obstacle = done.case.journey.obstacle.as_ref();
    obstacle.is_none_or(|(at, _)| at != place)
}

/// Runs cases, one per worker at a time, and tells of each.
async fn run_all(
    bench: &Arc<Bench>,
    motos: &[(Moto, Network)],
    cases: Vec<Case>,
) -> Result<Vec<(Done, Visits)>> {
    let (cases, next) = (Arc::new(cases), Arc::new(AtomicUsize::new(0)));
    let workers = motos.iter().map(|(moto, _)| {
        let (bench, moto) = (Arc::clone(bench), moto.clone());
        let (cases, next) = (Arc::clone(&cases), Arc::clone(&next));
        let runtime = tokio::runtime::Handle::current();
        // A thread for each, so that none waits for another's blocking calls.
        tokio::task::spawn_blocking(move || runtime.block_on(work(&bench, &moto, &cases, &next)))
    });
    let mut all = Vec::new();
    for worker in workers.collect::<Vec<_>>() {
        all.extend(worker.await?);
    }
    all.sort_by_key(|(number, _)| *number);
    Ok(all.into_iter().map(|(_, done)| done).collect())
}

async fn work(
    bench: &Bench,
    moto: &Moto,
    cases: &[Case],
    next: &AtomicUsize,
) -> Vec<(usize, (Done, Visits))> {
    let mut all = Vec::new();
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        let Some(case) = cases.get(number) else {
            return all;
        };
        let (done, visits) = bench.run(moto, case).await;
        tell(number, cases.len(), &done);
        all.push((number, (done, visits)));
    }
}

fn tell(number: usize, of: usize, done: &Done) {
    let verdict = &done.verdict;
    let good = if verdict.problems.is_empty() {
        "good"
    } else {
        "BAD "
    };
    eprintln!(
        "{good} {:>3}/{of} {:5.1} s  {} -> {} serves, {}{}{}",
        number + 1,
        done.seconds,
        done.case,
        verdict.serving,
        verdict.phase,
        if done.ordered { ", ordered again" } else { "" },
        if verdict.problems.is_empty() && verdict.phase != "needs_operator" {
            String::new()
        } else {
            format!(
                ": {} [{}]",
                verdict.problems.join("; "),
                verdict.executions.join(", ")
            )
        }
    );
}
