//! How long writes and reads stood still, by what the clients saw.

use super::tally::{Ack, Read};
use domain::fence::Side;
use serde::Serialize;
use std::collections::BTreeMap;

/// The write pause: nothing was acknowledged between the last commit on the one side and the first on the other.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Pause {
    /// From the last commit that the source acknowledged to the first that the target did, over all writers, in
    /// milliseconds. Negative: both acknowledged commits at a time, which must never happen.
    pub write_ms: f64,
    /// The longest that one writer waited, from its own last commit on the source to its own first on the target.
    pub longest_client_ms: f64,
    /// When the last commit on the source was acknowledged, in microseconds since the start.
    pub last_on_source: u64,
    /// When the first commit on the target was acknowledged, in microseconds since the start.
    pub first_on_target: u64,
}

/// The pause of a switch from blue to green; nothing if green acknowledged nothing.
#[must_use]
pub fn pause(acks: &[Ack]) -> Option<Pause> {
    let left = on(acks, Side::Green).max()?;
    pause_to(&between(acks, 0, left + 1), Side::Green)
}

/// The pause of the switch back from green to blue; nothing if blue acknowledged nothing once green was left.
#[must_use]
pub fn way_back(acks: &[Ack]) -> Option<Pause> {
    let entered = on(acks, Side::Green).min()?;
    pause_to(&between(acks, entered, u64::MAX), Side::Blue)
}

/// When a side acknowledged something.
fn on(acks: &[Ack], side: Side) -> impl Iterator<Item = u64> {
    let own = acks.iter().filter(move |ack| ack.side == side);
    own.map(|ack| ack.at)
}

/// The pause of the one switch among these acknowledgements: to green, or back to blue. Where writes moved several times,
/// [`between`] takes the acknowledgements around one of them.
#[must_use]
pub fn pause_to(acks: &[Ack], target: Side) -> Option<Pause> {
    let (last_on_source, first_on_target) = crossing(acks, target)?;
    let mut writers: BTreeMap<i32, Vec<Ack>> = BTreeMap::new();
    for ack in acks {
        writers.entry(ack.writer).or_default().push(*ack);
    }
    let waits = writers.values().filter_map(|own| crossing(own, target));
    let longest = waits.map(|(last, first)| millis(last, first));
    Some(Pause {
        write_ms: millis(last_on_source, first_on_target),
        longest_client_ms: longest.fold(0.0, f64::max),
        last_on_source,
        first_on_target,
    })
}

/// The acknowledgements from one moment to another, both in microseconds since the start.
#[must_use]
pub fn between(acks: &[Ack], from: u64, to: u64) -> Vec<Ack> {
    let within = acks.iter().filter(|ack| (from..to).contains(&ack.at));
    within.copied().collect()
}

/// The longest time in which one writer had no commit acknowledged, in milliseconds, from its first to its last commit.
#[must_use]
pub fn longest_wait(acks: &[Ack]) -> f64 {
    let mut latest: BTreeMap<i32, u64> = BTreeMap::new();
    let gaps = acks.iter().filter_map(|ack| {
        let before = latest.insert(ack.writer, ack.at)?;
        Some(millis(before, ack.at))
    });
    gaps.fold(0.0, f64::max)
}

/// The longest time in which no reader at all got an answer, in milliseconds.
#[must_use]
pub fn read_outage(reads: &[Read]) -> f64 {
    let mut answered: Vec<u64> = reads
        .iter()
        .filter(|read| read.side.is_some())
        .map(|read| read.at)
        .collect();
    answered.sort_unstable();
    let gaps = answered.windows(2).map(|pair| millis(pair[0], pair[1]));
    gaps.fold(0.0, f64::max)
}

/// Percent of the reads between two moments that green answered; nothing if there was none.
#[must_use]
pub fn share_of_green(reads: &[Read], from: u64, to: u64) -> Option<f64> {
    let within = reads.iter().filter(|read| (from..to).contains(&read.at));
    let (green, all) = within
        .filter_map(|read| read.side)
        .fold((0_u32, 0_u32), |(green, all), side| {
            (green + u32::from(side == Side::Green), all + 1)
        });
    (all > 0).then(|| 100.0 * f64::from(green) / f64::from(all))
}

fn crossing(acks: &[Ack], target: Side) -> Option<(u64, u64)> {
    let (on_target, on_source): (Vec<&Ack>, Vec<&Ack>) =
        acks.iter().partition(|ack| ack.side == target);
    let last = on_source.iter().map(|ack| ack.at).max()?;
    Some((last, on_target.iter().map(|ack| ack.at).min()?))
}

fn millis(from: u64, to: u64) -> f64 {
    #[expect(
        clippy::cast_precision_loss,
        reason = "a run has far fewer than 2^52 microseconds"
    )]
    let (from, to) = (from as f64, to as f64);
    ((to - from) / 100.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ack(at: u64, writer: i32, side: Side) -> Ack {
        Ack {
            at: at * 1000,
            writer,
            side,
        }
    }

    #[test]
    fn the_pause_is_over_all_writers_and_the_longest_wait_is_of_one() {
        let acks = [
            ack(0, 1, Side::Blue),
            ack(90, 2, Side::Blue),
            ack(160, 1, Side::Green),
            ack(170, 2, Side::Green),
        ];
        let pause = pause(&acks).unwrap();
        assert_eq!((pause.write_ms, pause.longest_client_ms), (70.0, 160.0));
    }

    #[test]
    fn two_writing_sides_show_as_a_negative_pause() {
        let acks = [
            ack(0, 1, Side::Blue),
            ack(50, 1, Side::Green),
            ack(80, 2, Side::Blue),
            ack(90, 1, Side::Green),
        ];
        assert!((pause(&acks).unwrap().write_ms + 30.0).abs() < 1e-9);
    }

    #[test]
    fn the_way_back_has_a_pause_of_its_own() {
        let acks = [
            ack(0, 1, Side::Blue),
            ack(70, 1, Side::Green),
            ack(100, 1, Side::Green),
            ack(160, 1, Side::Blue),
        ];
        let (there, back) = (pause(&acks).unwrap(), way_back(&acks).unwrap());
        assert_eq!((there.write_ms, back.write_ms), (70.0, 60.0));
        assert_eq!(way_back(&acks[..3]), None);
    }

    #[test]
    fn without_a_commit_on_green_there_is_no_pause() {
        assert_eq!(pause(&[ack(0, 1, Side::Blue)]), None);
    }

    #[test]
    fn only_answered_reads_end_an_outage() {
        let read = |at: u64, side| Read {
            at: at * 1000,
            reader: 1,
            side,
        };
        let reads = [
            read(0, Some(Side::Blue)),
            read(40, None),
            read(100, Some(Side::Green)),
        ];
        assert!((read_outage(&reads) - 100.0).abs() < 1e-9);
        assert_eq!(share_of_green(&reads, 0, 200_000), Some(50.0));
    }
}
