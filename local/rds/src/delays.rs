//! How long RDS takes for what PostgreSQL does at once.

use std::time::Duration;

/// Waits that are added to the real work. The durations are seconds of this machine.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DelayProfile {
    /// A new instance gets its machine and its volume.
    pub create_instance: Duration,
    /// A new instance is `backing-up` before it is available.
    pub first_backup: Duration,
    /// A snapshot is copied.
    pub snapshot: Duration,
    /// A change that needs no restart.
    pub modify: Duration,
    /// A restart, besides PostgreSQL's own.
    pub reboot: Duration,
    /// A new name is known everywhere.
    pub rename: Duration,
    /// A minor upgrade, besides PostgreSQL's own restart.
    pub minor_upgrade: Duration,
    /// An instance is taken down.
    pub delete: Duration,
    /// Green's machine and volume: task `CREATING_READ_REPLICA_OF_SOURCE`.
    pub green_replica: Duration,
    /// Checks before `pg_upgrade`, and the restart after it: task `DB_ENGINE_VERSION_UPGRADE`.
    pub green_upgrade: Duration,
    /// Task `CONFIGURE_BACKUPS`.
    pub green_backups: Duration,
    /// Each further member: task `CREATING_TOPOLOGY_OF_SOURCE`.
    pub green_topology: Duration,
    /// RDS looks at its guardrails, while blue still takes writes.
    pub switchover_checks: Duration,
    /// RDS's own work while no side takes writes.
    pub switchover_pause: Duration,
    /// From the moment when green takes writes until the deployment says so.
    pub switchover_end: Duration,
    /// From then until RDS tidies up, the link from blue to green first.
    pub switchover_rest: Duration,
    /// What resolvers are told about endpoint names, in whole seconds.
    pub endpoint_ttl: u32,
    /// How often RDS looks whether replication is healthy.
    pub watch: Duration,
}

impl DelayProfile {
    /// As short as the real work. The TTL is nothing, so that what is measured is the switchover and not a resolver.
    pub const QUICK: Self = Self {
        create_instance: Duration::ZERO,
        first_backup: Duration::ZERO,
        snapshot: Duration::ZERO,
        modify: Duration::ZERO,
        reboot: Duration::ZERO,
        rename: Duration::ZERO,
        minor_upgrade: Duration::ZERO,
        delete: Duration::ZERO,
        green_replica: Duration::ZERO,
        green_upgrade: Duration::ZERO,
        green_backups: Duration::ZERO,
        green_topology: Duration::ZERO,
        switchover_checks: Duration::ZERO,
        switchover_pause: Duration::ZERO,
        switchover_end: Duration::ZERO,
        switchover_rest: Duration::from_millis(300), // Clients come back first: all servers share two cores here.
        endpoint_ttl: 0,
        watch: Duration::from_millis(250),
    };

    /// As on RDS, one minute in one second; but what clients feel (the pause and the TTL) is not shortened.
    /// The figures are orders of magnitude for a small `db.t4g` or `db.r6g` with some 20 GiB, from AWS's own words where
    /// they are, otherwise from practice; none was measured on an account of ours.
    pub const RDS: Self = Self {
        create_instance: minutes(5), // "creating" takes 4 to 6 minutes.
        first_backup: minutes(1),
        snapshot: minutes(2), // 20 GiB, not the first of its volume.
        modify: Duration::from_millis(500), // The monitor's next round.
        reboot: minutes(1),
        rename: minutes(10), // The user guide: up to 10 minutes until a new name is usable.
        minor_upgrade: minutes(8), // Downtime is 1 to 2 minutes of it.
        delete: minutes(3),
        green_replica: minutes(12), // A snapshot, a restore, a replica's catching up.
        green_upgrade: minutes(10), // Pre-checks, a snapshot, pg_upgrade, a reboot.
        green_backups: minutes(3),  // Backups on need a first one.
        green_topology: minutes(8), // A read replica from a snapshot.
        switchover_checks: Duration::from_secs(5), // Real time, blue serves.
        switchover_pause: Duration::from_secs(3), // Real time. "Usually under a minute"; recent releases: under five seconds.
        switchover_end: Duration::from_secs(2),
        switchover_rest: Duration::from_secs(2),
        endpoint_ttl: 5, // Real time; what RDS's zone answers.
        watch: Duration::from_secs(1),
    };
}

/// Minutes of RDS, each of which is a second here.
const fn minutes(minutes: u64) -> Duration {
    Duration::from_secs(minutes)
}
