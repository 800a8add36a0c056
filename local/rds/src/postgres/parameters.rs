//! The parameters that a group can hold, and how each is applied.

use serde::Serialize;

/// When a new value of a parameter counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ApplyType {
    /// After a restart.
    Static,
    /// At once.
    Dynamic,
}

impl ApplyType {
    /// When a parameter counts; `None` if it isn't offered.
    pub fn of(name: &str) -> Option<Self> {
        if STATIC.contains(&name) {
            Some(Self::Static)
        } else {
            DYNAMIC.contains(&name).then_some(Self::Dynamic)
        }
    }
}

/// All that are offered, by name.
pub fn all() -> impl Iterator<Item = (&'static str, ApplyType)> {
    let fixed = STATIC.iter().map(|name| (*name, ApplyType::Static));
    fixed.chain(DYNAMIC.iter().map(|name| (*name, ApplyType::Dynamic)))
}

const STATIC: &[&str] = &[
    "autovacuum_max_workers",
    "max_connections",
    "max_locks_per_transaction",
    "max_logical_replication_workers",
    "max_prepared_transactions",
    "max_replication_slots",
    "max_wal_senders",
    "max_worker_processes",
    "rds.logical_replication",
    "shared_buffers",
    "shared_preload_libraries",
    "track_commit_timestamp",
    "wal_buffers",
];

const DYNAMIC: &[&str] = &[
    "autovacuum",
    "autovacuum_naptime",
    "checkpoint_timeout",
    "deadlock_timeout",
    "default_transaction_read_only",
    "effective_cache_size",
    "hot_standby_feedback",
    "idle_in_transaction_session_timeout",
    "lock_timeout",
    "log_lock_waits",
    "log_min_duration_statement",
    "log_statement",
    "maintenance_work_mem",
    "max_parallel_workers",
    "max_slot_wal_keep_size",
    "max_standby_streaming_delay",
    "max_sync_workers_per_subscription",
    "max_wal_size",
    "min_wal_size",
    "random_page_cost",
    "statement_timeout",
    "synchronous_commit",
    "wal_receiver_timeout",
    "wal_sender_timeout",
    "work_mem",
];
