//! When a step happens, and its dice.

use std::cell::Cell;

/// When something happens, and the dice for it.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    /// Milliseconds since the Unix epoch.
    pub now: i64,
    /// Where all random numbers of this step come from.
    pub seed: u64,
}

/// The next number of a `SplitMix64` sequence, whose state is moved on.
pub(crate) fn next_random(state: &Cell<u64>) -> u64 {
    let seed = state.get().wrapping_add(0x9E37_79B9_7F4A_7C15);
    state.set(seed);
    let mixed = (seed ^ (seed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}
