//! How far a series of runs is: one line that changes on a terminal, one line per run elsewhere.

use super::observe::{Observer, Sight};
use indicatif::{ProgressBar, ProgressStyle};
use parking_lot::Mutex;
use std::io::{IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

/// Tells on stderr.
#[derive(Debug)]
pub struct Progress {
    line: Option<ProgressBar>,
    run: Mutex<Run>,
}

#[derive(Debug)]
struct Run {
    title: String,
    began: Instant,
}

impl Default for Progress {
    fn default() -> Self {
        let watched = std::io::stdout().is_terminal() && std::io::stderr().is_terminal();
        Self {
            line: watched.then(spinner),
            run: Mutex::new(Run {
                title: String::new(),
                began: Instant::now(),
            }),
        }
    }
}

fn spinner() -> ProgressBar {
    let line = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("  {spinner} {wide_msg}") {
        line.set_style(style);
    }
    line.enable_steady_tick(Duration::from_millis(120));
    line
}

impl Progress {
    /// A run begins.
    pub fn begin(&self, title: String) {
        let mut run = self.run.lock();
        run.title = title;
        run.began = Instant::now();
    }

    /// It ended, with this.
    pub fn end(&self, said: &str) {
        let run = self.run.lock();
        let seconds = run.began.elapsed().as_secs();
        let text = format!("  {} {seconds:>4} s   {said}", run.title);
        match &self.line {
            Some(line) => line.println(text),
            // A failed write to standard error is no reason to stop.
            None => writeln!(std::io::stderr(), "{text}").unwrap_or_default(),
        }
    }

    /// All runs are over.
    pub fn finish(&self) {
        if let Some(line) = &self.line {
            line.finish_and_clear();
        }
    }
}

impl Observer for Progress {
    fn see(&self, sight: &Sight) {
        let Some(line) = &self.line else { return };
        let what = match sight {
            Sight::Preparing(what) | Sight::Injected(what) => what.clone(),
            Sight::Said { state, summary } => format!("{state}: {summary}"),
            Sight::Entered { state, .. } => state.clone(),
            _ => return,
        };
        let run = self.run.lock();
        line.set_message(format!("{}   {what}", run.title));
    }
}
