//! A run as it happens: a calm board on a terminal, plain lines elsewhere.

mod board;
mod lines;

use crate::scenario::observe::Observer;
use board::Board;
use lines::Lines;
use std::io::IsTerminal as _;

/// A board where a person watches, plain lines where the output is kept.
#[must_use]
pub fn for_terminal() -> Box<dyn Observer> {
    if std::io::stdout().is_terminal() && std::io::stderr().is_terminal() {
        Box::new(Board::new())
    } else {
        Box::new(Lines::default())
    }
}
