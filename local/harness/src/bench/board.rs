//! The benchmark's figures for a person.

use super::figures::Phases;
use super::samples::Samples;
use super::spread::{Spread, said};
use super::{price, starts};
use crate::app::Settings;
use crate::numbers::thousands;
use std::fmt::{self, Write as _};

/// The longest that a write pause may be in any run, in milliseconds.
const WORST_PAUSE: f64 = 150.0;
/// How many times the floor's median the pause's may be.
const TIMES_FLOOR: f64 = 2.0;
/// The longest that it may take from an alarm to all reads on blue, in milliseconds.
const WORST_READS: f64 = 1000.0;

/// The table, and under it what the pauses were made of.
#[must_use]
pub fn text(samples: &Samples, load: &Settings) -> String {
    let mut text = String::new();
    if samples.acknowledged > 0 {
        text.push_str(&heading(samples, load));
        text.push_str(&table(samples));
    }
    let [over, back] = &samples.phases;
    text.push_str(&phases("switchover, by the receipts", over));
    text.push_str(&phases("rollback, by the receipts", back));
    let [over, back] = &samples.floor_phases;
    text.push_str(&phases("the floor's switchover", over));
    text.push_str(&phases("the floor's rollback", back));
    if !samples.starts.is_empty() {
        text.push_str(&starts::text(&samples.starts));
    }
    let price = samples.price.as_ref().map(price::text);
    text.push_str(&price.unwrap_or_default());
    text
}

fn heading(samples: &Samples, load: &Settings) -> String {
    format!(
        "PostgreSQL 16.14 → 18.4, {} writers at {:.0} commits/s, {} readers, {} rows\n\
         {} commits acknowledged, 0 lost, 0 doubled; milliseconds\n\n",
        load.writers,
        load.writes_per_second,
        load.readers,
        thousands(load.rows.into()),
        thousands(samples.acknowledged),
    )
}

fn table(samples: &Samples) -> String {
    let cells = ["min", "median", "max"];
    let floor_cells = ["floor min", "median", "max"];
    let mut text = line("", "runs", &cells, &floor_cells, "ratio", "bar");
    let (over, floor_over) = (
        &samples.switchover_pause_ms,
        &samples.floor_switchover_pause_ms,
    );
    let (back, floor_back) = (&samples.rollback_pause_ms, &samples.floor_rollback_pause_ms);
    for (name, ours, floor) in [
        ("pause, switchover", over, floor_over),
        ("pause, rollback", back, floor_back),
    ] {
        let (ours, floor) = (ours.spread(), floor.spread());
        text += &row(name, ours, floor, &pause_bar(ours, floor));
    }
    let longest = samples.longest_client_wait_ms.spread();
    let floor = samples.floor_longest.spread();
    text += &row("longest wait of one writer", longest, floor, "");
    let ours = samples.our_share_ms.spread();
    text += &row("our share of the switchover", ours, None, "");
    let reads = samples.alarm_to_reads_ms.spread();
    text += &row("alarm to reads on blue", reads, None, &reads_bar(reads));
    let writes = samples.alarm_to_writes_ms.spread();
    text += &row("alarm to writes on blue", writes, None, "");
    text
}

fn row(name: &str, ours: Option<Spread>, floor: Option<Spread>, bar: &str) -> String {
    let runs = ours.or(floor).map(|spread| spread.runs.to_string());
    let ratio = ours.zip(floor);
    let ratio = ratio.map(|(ours, floor)| format!("{:.1}", ours.median / floor.median));
    let (runs, ratio) = (runs.unwrap_or_default(), ratio.unwrap_or_default());
    line(name, &runs, &cells(ours), &cells(floor), &ratio, bar)
}

fn cells(spread: Option<Spread>) -> [String; 3] {
    spread.map_or_else(Default::default, |spread| {
        [spread.min, spread.median, spread.max].map(|ms| format!("{ms:.0}"))
    })
}

fn line<T: fmt::Display>(
    name: &str,
    runs: &str,
    [min, median, max]: &[T; 3],
    [floor_min, floor_median, floor_max]: &[T; 3],
    ratio: &str,
    bar: &str,
) -> String {
    let text = format!(
        "  {name:<28}{runs:>5}{min:>7}{median:>8}{max:>7}   {floor_min:>9}{floor_median:>8}{floor_max:>7}{ratio:>8}   {bar}"
    );
    format!("{}\n", text.trim_end())
}

fn verdict(holds: bool, bar: &str) -> String {
    format!("{} {bar}", said(holds))
}

fn pause_bar(ours: Option<Spread>, floor: Option<Spread>) -> String {
    let Some(ours) = ours else {
        return String::new();
    };
    let worst = verdict(ours.max <= WORST_PAUSE, &format!("max ≤ {WORST_PAUSE:.0}"));
    let Some(floor) = floor else { return worst };
    let holds = ours.median <= TIMES_FLOOR * floor.median;
    let times = verdict(holds, &format!("ratio ≤ {TIMES_FLOOR:.0}"));
    format!("{times} · {worst}")
}

fn reads_bar(reads: Option<Spread>) -> String {
    reads.map_or_else(String::new, |reads| {
        verdict(reads.max < WORST_READS, &format!("max < {WORST_READS:.0}"))
    })
}

fn phases(title: &str, phases: &Phases) -> String {
    let mut text = String::new();
    for (name, spread) in phases.all() {
        let [min, median, max] = cells(Some(spread));
        // Writing to a string can't fail.
        writeln!(
            text,
            "  {name:<28}{:>5}{min:>7}{median:>8}{max:>7}",
            spread.runs
        )
        .ok();
    }
    if text.is_empty() {
        return text;
    }
    format!("\n  {title}\n{text}")
}
