//! The board: a handful of lines that stay where they are.

use crate::app::tally::Glance;
use crate::numbers::thousands;
use crate::scenario::observe::{Observer, Sight};
use console::style;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use parking_lot::Mutex;
use std::time::{Duration, Instant};

/// A writer that waits longer than this is a pause worth showing.
const PAUSE: Duration = Duration::from_millis(40);
const BAR: usize = 24;

/// Lines on the terminal, each with a label.
pub(super) struct Board {
    all: MultiProgress,
    state: Mutex<State>,
}

struct State {
    started: Instant,
    title: ProgressBar,
    step: ProgressBar,
    progress: ProgressBar,
    lag: ProgressBar,
    reads: ProgressBar,
    writes: ProgressBar,
    pause: ProgressBar,
    name: String,
    machine: &'static str,
    /// The state that was entered, or answered, last.
    shown: String,
    asked: u8,
    switched: bool,
    longest: Duration,
}

impl Board {
    /// An empty board at the bottom of the terminal.
    pub(super) fn new() -> Self {
        let all = MultiProgress::new();
        let state = Mutex::new(State::new(&all));
        Self { all, state }
    }
}

impl Observer for Board {
    fn see(&self, sight: &Sight) {
        let mut state = self.state.lock();
        state.see(sight);
        if let Sight::Ended(_) = sight {
            // What it showed stays above the summary.
            self.all.set_move_cursor(false);
            state.finish();
        }
    }
}

impl State {
    fn new(all: &MultiProgress) -> Self {
        let line = || {
            let bar = all.add(ProgressBar::new_spinner());
            if let Ok(style) = ProgressStyle::with_template("{wide_msg}") {
                bar.set_style(style);
            }
            bar
        };
        Self {
            started: Instant::now(),
            title: line(),
            step: line(),
            progress: line(),
            lag: line(),
            reads: line(),
            writes: line(),
            pause: line(),
            name: "orders".to_owned(),
            machine: "upgrade",
            shown: String::new(),
            asked: 0,
            switched: false,
            longest: Duration::ZERO,
        }
    }

    fn see(&mut self, sight: &Sight) {
        match sight {
            Sight::Preparing(what) => label(&self.step, "preparing", what),
            Sight::Started { from, to, .. } => {
                self.started = Instant::now();
                self.name = format!("orders   {from} → {to}");
            }
            Sight::Entered { machine, state } => {
                self.machine = machine;
                if *machine == "rollback" {
                    self.asked = 0;
                }
                // A state that is entered again goes on saying what it said.
                if self.shown != *state {
                    self.shown.clone_from(state);
                    label(&self.step, machine, &style(state).bold().to_string());
                }
            }
            Sight::Said { state, summary } => {
                self.shown.clone_from(state);
                let text = format!("{}  {summary}", style(state).bold());
                label(&self.step, self.machine, &text);
            }
            Sight::Percent(percent) => {
                let text = bar(*percent, &format!("{percent:>3} %"));
                label(&self.progress, "progress", &text);
            }
            Sight::Lag { bytes, ms } => label(&self.lag, "lag", &lag(*bytes, *ms)),
            Sight::Asked(percent) => self.asked = *percent,
            Sight::Glance(glance) => self.glance(glance),
            Sight::Switched(pause) => {
                self.switched = true;
                let all = style(format!("{:.0} ms", pause.write_ms)).bold();
                let one = pause.longest_client_ms;
                let text = format!("{all} · longest writer {one:.0} ms");
                label(&self.pause, "write pause", &text);
            }
            Sight::Injected(what) => {
                label(&self.pause, "injected", &style(what).yellow().to_string());
            }
            Sight::Ended(state) => {
                label(&self.step, self.machine, &style(state).bold().to_string());
            }
        }
        self.title();
    }

    fn glance(&mut self, glance: &Glance) {
        let all = glance.reads_blue + glance.reads_green;
        let share = (glance.reads_green * 100).checked_div(all);
        if let Some(share) = share {
            let asked = self.asked;
            let text = format!("{share:>3} % on green, asked {asked:>3} %   {all} reads/s");
            let share = u8::try_from(share).unwrap_or(100);
            label(&self.reads, "reads", &bar(share, &text));
        }
        let rate = thousands(glance.writes_per_second);
        let sum = thousands(glance.acknowledged);
        let text = format!("{rate:>5}/s   {sum} acknowledged");
        label(&self.writes, "writes", &text);
        self.waiting(glance.quiet);
    }

    /// The pause as it happens: for how long no writer's commit has been acknowledged.
    fn waiting(&mut self, quiet: Duration) {
        if self.switched || quiet < PAUSE {
            return;
        }
        self.longest = self.longest.max(quiet);
        let (now, longest) = (quiet.as_millis(), self.longest.as_millis());
        let text = format!("for {now} ms   longest so far {longest} ms");
        label(&self.pause, "no commit", &text);
    }

    fn title(&self) {
        let seconds = self.started.elapsed().as_secs();
        let (minutes, seconds) = (seconds / 60, seconds % 60);
        let name = style(&self.name).bold();
        self.title
            .set_message(format!("{name}   {minutes}:{seconds:02}"));
    }

    fn finish(&self) {
        let top = [&self.title, &self.step, &self.progress, &self.lag];
        let rest = [&self.reads, &self.writes, &self.pause];
        for line in top.into_iter().chain(rest) {
            if line.message().is_empty() {
                line.finish_and_clear();
            } else {
                line.abandon();
            }
        }
    }
}

/// A bar, filled so far.
fn bar(percent: u8, text: &str) -> String {
    let filled = (usize::from(percent.min(100)) * BAR).div_ceil(100);
    let (full, rest) = ("━".repeat(filled), "━".repeat(BAR - filled));
    format!("{}{}  {text}", style(full).green(), style(rest).blue())
}

/// Green's lag for a person.
fn lag(bytes: Option<u64>, ms: Option<u64>) -> String {
    let bytes = bytes.map(|bytes| format!("{} bytes", thousands(bytes)));
    let ms = ms.map(|ms| format!("{} ms", thousands(ms)));
    let bytes = bytes.as_deref().unwrap_or("bytes unknown");
    format!("{bytes} · {}", ms.as_deref().unwrap_or("age unknown"))
}

fn label(line: &ProgressBar, label: &str, text: &str) {
    line.set_message(format!("  {} {text}", style(format!("{label:<12}")).dim()));
}
