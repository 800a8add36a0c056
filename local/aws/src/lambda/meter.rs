//! What invocations took: starts, durations and memory of the functions' processes.

use rustix::process::Pid;
use std::time::Duration;

/// One invocation that was answered.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// The function's name.
    pub function: String,
    /// What the function is said to have, in MiB.
    pub memory_mb: u32,
    /// From the start of the process to its first poll, at its first invocation.
    pub init: Option<Duration>,
    /// From the event to the answer.
    pub took: Duration,
    /// The most memory that the process has had in RAM so far, in KiB; nothing where the system does not tell.
    pub peak_kb: Option<u32>,
}

impl Measured {
    /// What Lambda bills: whole milliseconds, the start of the process among them.
    #[must_use]
    pub fn billed(&self) -> Duration {
        let micros = (self.init.unwrap_or_default() + self.took).as_micros();
        let millis = micros.div_ceil(1000);
        Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX))
    }

    /// That time by the function's memory, in GB-seconds.
    #[must_use]
    pub fn gb_seconds(&self) -> f64 {
        self.billed().as_secs_f64() * f64::from(self.memory_mb) / 1024.0
    }
}

/// `VmHWM` of the process, which Linux keeps in `/proc`.
pub(super) fn peak_kb(process: Pid) -> Option<u32> {
    let status = format!("/proc/{}/status", process.as_raw_nonzero());
    let status = std::fs::read_to_string(status).ok()?;
    let peak = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    peak.trim().strip_suffix("kB")?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{Measured, peak_kb};
    use std::time::Duration;

    #[test]
    fn a_started_millisecond_is_billed_and_so_is_the_start() {
        let invocation = |init, took| Measured {
            function: "plan".to_owned(),
            memory_mb: 256,
            init,
            took: Duration::from_micros(took),
            peak_kb: None,
        };
        let billed = |init, took| invocation(init, took).billed().as_millis();
        assert_eq!(billed(None, 2001), 3);
        assert_eq!(billed(Some(Duration::from_millis(20)), 2000), 22);
        assert!((invocation(None, 2_000_000).gb_seconds() - 0.5).abs() < 1e-9);
    }

    #[test]
    fn this_process_has_memory() {
        let peak = peak_kb(rustix::process::getpid()).expect("Linux tells");
        assert!((1_000..10_000_000).contains(&peak), "{peak} KiB");
    }
}
