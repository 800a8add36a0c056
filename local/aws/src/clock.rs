//! One clock whose waits can be shortened.

use anyhow::{Result, ensure};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// The longest wait, on a machine with much else to do.
const PATIENCE: Duration = Duration::from_mins(1);

/// Waits until `done`, a minute of real time at most.
///
/// # Errors
/// When it takes longer, and those of `done`.
pub async fn wait(what: &str, mut done: impl AsyncFnMut() -> Result<bool>) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while !done().await? {
        ensure!(Instant::now() < deadline, "not within {PATIENCE:?}: {what}");
        sleep(Duration::from_millis(10)).await;
    }
    Ok(())
}

/// Shortens the waits of state machines, of task tokens and between two tries of a delivery. Everything else, such as a
/// function's timeout, a lag or a pause, passes in real time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Clock {
    scale: f64,
}

impl Clock {
    /// Waits take their real time.
    pub const REAL: Self = Self { scale: 1.0 };

    /// A clock on which `scale` seconds of waiting pass in one second.
    ///
    /// # Panics
    /// When `scale` is no positive number.
    #[must_use]
    pub fn scaled(scale: f64) -> Self {
        assert!(
            scale.is_finite() && scale > 0.0,
            "a clock's scale is a positive number, not {scale}"
        );
        Self { scale }
    }

    /// How long a wait of `nominal` takes here.
    #[must_use]
    pub fn real(self, nominal: Duration) -> Duration {
        nominal.div_f64(self.scale)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_minutes_pass_in_three_seconds_at_a_hundredfold() {
        let clock = Clock::scaled(100.0);
        assert_eq!(clock.real(Duration::from_mins(5)), Duration::from_secs(3));
    }
}
