//! What the clients saw and when, on one monotonic clock.

use domain::fence::Side;
use parking_lot::Mutex;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant, SystemTime};

/// A commit that a database acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ack {
    /// Microseconds since the application started.
    pub at: u64,
    /// Whose.
    pub writer: i32,
    /// Which side acknowledged it.
    pub side: Side,
}

/// A read, or the failure of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Read {
    /// Microseconds since the application started.
    pub at: u64,
    /// Whose.
    pub reader: u32,
    /// Which side answered; nothing if none did.
    pub side: Option<Side>,
}

/// Everything that the clients saw. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Tally(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    start: Instant,
    start_wall: SystemTime,
    blue: OnceLock<String>,
    acks: Mutex<Vec<Ack>>,
    reads: Mutex<Vec<Read>>,
    troubles: Mutex<Vec<Trouble>>,
}

/// A client's trouble with the database, as drivers tell it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// Microseconds since the application started.
    pub at: u64,
    /// Which client, and what it was told.
    pub what: String,
}

/// The last second, for the observer.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Glance {
    /// Commits acknowledged in the last second.
    pub writes_per_second: u64,
    /// Reads answered by blue in the last second.
    pub reads_blue: u64,
    /// Reads answered by green in the last second.
    pub reads_green: u64,
    /// Time since any writer's commit was acknowledged.
    pub quiet: Duration,
    /// Commits acknowledged in all.
    pub acknowledged: u64,
}

impl Default for Tally {
    fn default() -> Self {
        Self(Arc::new(Inner {
            start: Instant::now(),
            start_wall: SystemTime::now(),
            blue: OnceLock::new(),
            acks: Mutex::default(),
            reads: Mutex::default(),
            troubles: Mutex::default(),
        }))
    }
}

impl Tally {
    /// Microseconds since the application started.
    #[must_use]
    pub fn now(&self) -> u64 {
        micros(self.0.start.elapsed())
    }

    /// What the monotonic clock shows at a moment of the wall clock, as other processes tell it.
    #[must_use]
    pub fn at_wall(&self, moment: SystemTime) -> u64 {
        micros(moment.duration_since(self.0.start_wall).unwrap_or_default())
    }

    /// The server with this identity is blue; every other one is green. Later calls change nothing.
    pub fn set_blue(&self, system: &str) {
        // The first one stays.
        self.0.blue.set(system.to_owned()).ok();
    }

    /// The side of the server with this identity.
    #[must_use]
    pub fn side(&self, system: &str) -> Side {
        if self.0.blue.get().is_none_or(|blue| blue == system) {
            Side::Blue
        } else {
            Side::Green
        }
    }

    /// Keeps an acknowledgement.
    pub fn acknowledged(&self, ack: Ack) {
        self.0.acks.lock().push(ack);
    }

    /// Keeps a read.
    pub fn read(&self, read: Read) {
        self.0.reads.lock().push(read);
    }

    /// Keeps a trouble.
    pub fn trouble(&self, what: String) {
        let at = self.now();
        self.0.troubles.lock().push(Trouble { at, what });
    }

    /// All acknowledgements so far, in about the order in which they came.
    #[must_use]
    pub fn acks(&self) -> Vec<Ack> {
        self.0.acks.lock().clone()
    }

    /// All reads so far, in about the order in which they were answered.
    #[must_use]
    pub fn reads(&self) -> Vec<Read> {
        self.0.reads.lock().clone()
    }

    /// All troubles so far.
    #[must_use]
    pub fn troubles(&self) -> Vec<Trouble> {
        self.0.troubles.lock().clone()
    }

    /// Whether green has acknowledged a commit.
    #[must_use]
    pub fn has_crossed(&self) -> bool {
        self.0
            .acks
            .lock()
            .last()
            .is_some_and(|ack| ack.side == Side::Green)
    }

    /// The last second.
    #[must_use]
    pub fn glance(&self) -> Glance {
        let now = self.now();
        let since = now.saturating_sub(1_000_000);
        let acks = self.0.acks.lock();
        let reads = self.0.reads.lock();
        let recent = reads.iter().rev().take_while(|read| read.at >= since);
        let (blue, green) = recent.fold((0, 0), |(blue, green), read| match read.side {
            Some(Side::Blue) => (blue + 1, green),
            Some(Side::Green) => (blue, green + 1),
            None => (blue, green),
        });
        let writes = acks.iter().rev().take_while(|ack| ack.at >= since).count();
        let last = acks.last().map_or(0, |ack| ack.at);
        Glance {
            writes_per_second: writes as u64,
            reads_blue: blue,
            reads_green: green,
            quiet: Duration::from_micros(now.saturating_sub(last)),
            acknowledged: acks.len() as u64,
        }
    }
}

fn micros(elapsed: Duration) -> u64 {
    u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX)
}
