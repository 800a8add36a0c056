//! Plain lines: each thing once, when it is new.

use crate::numbers::thousands;
use crate::scenario::observe::{Observer, Sight};
use parking_lot::Mutex;
use std::io::Write as _;
use std::time::{Duration, Instant};

/// The application's figures are told no more often than this.
const GLANCE_EVERY: Duration = Duration::from_secs(5);

/// Writes lines to stderr.
#[derive(Debug, Default)]
pub(super) struct Lines {
    last: Mutex<Last>,
}

#[derive(Debug, Default)]
struct Last {
    started: Option<Instant>,
    glance: Option<Instant>,
    said: String,
}

impl Observer for Lines {
    fn see(&self, sight: &Sight) {
        let mut last = self.last.lock();
        let start = *last.started.get_or_insert_with(Instant::now);
        if let Some(text) = last.text(sight) {
            let seconds = start.elapsed().as_secs_f32();
            // A failed write to standard error is no reason to stop.
            writeln!(std::io::stderr(), "{seconds:6.1} s  {text}").ok();
        }
    }
}

impl Last {
    fn text(&mut self, sight: &Sight) -> Option<String> {
        Some(match sight {
            Sight::Preparing(what) => what.clone(),
            Sight::Started { from, to, .. } => format!("upgrade {from} → {to} started"),
            // The sentence with which a step answers says it all.
            Sight::Entered { .. } | Sight::Percent(_) | Sight::Lag { .. } | Sight::Asked(_) => {
                return None;
            }
            Sight::Said { state, summary } => {
                let text = format!("{state:<18} {summary}");
                (self.said != text).then(|| self.said.clone_from(&text))?;
                text
            }
            Sight::Glance(glance) => {
                due(&mut self.glance)?;
                let writes = thousands(glance.writes_per_second);
                let (blue, green) = (glance.reads_blue, glance.reads_green);
                format!(
                    "{:<18} {writes} writes/s · reads/s blue {blue} green {green}",
                    "application"
                )
            }
            Sight::Switched(pause) => {
                let (pause, longest) = (pause.write_ms, pause.longest_client_ms);
                format!(
                    "{:<18} {pause:.0} ms, longest writer {longest:.0} ms",
                    "write pause"
                )
            }
            Sight::Injected(what) => format!("{:<18} {what}", "injected"),
            Sight::Ended(state) => format!("ended in {state}"),
        })
    }
}

fn due(last: &mut Option<Instant>) -> Option<()> {
    if last.is_some_and(|last| last.elapsed() < GLANCE_EVERY) {
        return None;
    }
    *last = Some(Instant::now());
    Some(())
}
