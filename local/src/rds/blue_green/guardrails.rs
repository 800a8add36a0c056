//! What RDS checks before it makes a green, and before it switches over.

use super::{Pair, link, shape};
use crate::postgres::Server;
use crate::rds::Rds;
use crate::rds::fault::Fault;
use crate::rds::model::{Deployment, Instance, State};
use std::time::Duration;
use tokio_postgres::Client;

impl State {
    /// Whether an instance can be the blue of a deployment, as far as RDS's own books tell.
    pub fn check_source(&self, source: &Instance) -> Result<(), Fault> {
        source.check_available()?;
        if source.replica_of.is_some() {
            return Err(Fault::source_unfit(
                "The source of a blue/green deployment can't be a read replica.",
            ));
        }
        if source.backup_retention == 0 {
            return Err(Fault::source_unfit(format!(
                "Automated backups must be enabled on {} before you create a blue/green deployment.",
                source.name
            )));
        }
        for member in std::iter::once(source).chain(self.replicas_of(&source.resource_id)) {
            member.check_available()?;
            if member.pending_reboot {
                return Err(Fault::source_unfit(format!(
                    "The DB parameter group of {} must be in-sync: reboot it first.",
                    member.name
                )));
            }
            if let Some(other) = self.deployment_of(&member.resource_id) {
                return Err(Fault::source_unfit(format!(
                    "{} is already a member of the blue/green deployment {}.",
                    member.name, other.id
                )));
            }
        }
        if !self.group(&source.group)?.has_logical_replication() {
            return Err(Fault::source_unfit(format!(
                "A major version upgrade needs logical replication: set rds.logical_replication to 1 in a parameter group \
                 of {} and reboot it.",
                source.name
            )));
        }
        Ok(())
    }
}

/// Whether a server can be the blue of a deployment, as far as the server tells.
pub async fn check_blue(blue: &Server) -> Result<(), Fault> {
    let look = async {
        let admin = link::session(blue, "postgres").await?;
        let slots = "SELECT string_agg(slot_name, ', ') FROM pg_replication_slots WHERE slot_type = 'logical'";
        let slots: Option<String> = admin.query_one(slots, &[]).await?.get(0);
        let free = "SELECT current_setting('max_replication_slots')::int - (SELECT count(*)::int FROM pg_replication_slots), \
                    current_setting('wal_level')";
        let row = admin.query_one(free, &[]).await?;
        anyhow::Ok((
            slots,
            row.get::<_, i32>(0),
            row.get::<_, String>(1),
            blue.databases().await?.len(),
        ))
    };
    let (slots, free, wal_level, databases) = look.await.map_err(Fault::internal)?;
    if let Some(slots) = slots {
        return Err(Fault::source_unfit(format!(
            "The source database has logical replication slots ({slots}). Drop them first."
        )));
    }
    if wal_level != "logical" {
        return Err(Fault::source_unfit(
            "wal_level is not logical: reboot the source database.",
        ));
    }
    if usize::try_from(free).unwrap_or_default() < databases {
        return Err(Fault::source_unfit(format!(
            "max_replication_slots leaves {free} slots free; the source has {databases} databases, which need one each."
        )));
    }
    Ok(())
}

/// A write or a prepared transaction that is older than this stops a switchover.
const LONG: Duration = Duration::from_secs(10);

/// Each row is a reason not to switch over; `$1` is our own publication, `$2` the age of a long transaction in seconds.
const IN_THE_WAY: &str = "
SELECT format('the session %s has been writing for more than %s s', pid, $2::float8) FROM pg_stat_activity
WHERE backend_type = 'client backend' AND backend_xid IS NOT NULL AND xact_start < clock_timestamp() - $2::float8 * interval '1 s'
UNION ALL
SELECT format('there is a prepared transaction %L', gid) FROM pg_prepared_xacts
UNION ALL
SELECT format('there is a logical replication slot %I', slot_name) FROM pg_replication_slots
WHERE slot_type = 'logical' AND NOT starts_with(slot_name, $1)";

/// The same for one database.
const IN_A_DATABASE: &str = "
SELECT format('there is a publication %I in %I', pubname, current_database()) FROM pg_publication WHERE NOT starts_with(pubname, $1)
UNION ALL
SELECT format('there is a subscription %I in %I', s.subname, current_database())
FROM pg_subscription s JOIN pg_database d ON d.oid = s.subdbid AND d.datname = current_database()
WHERE NOT starts_with(s.subname, $1)";

impl Rds {
    /// Why a deployment can't be switched over now, if it can't.
    pub(super) async fn obstacle(
        &self,
        deployment: &Deployment,
        pairs: &[Pair],
    ) -> anyhow::Result<Option<String>> {
        if let Some(obstacle) = self.unfit_member(deployment) {
            return Ok(Some(obstacle));
        }
        let (ours, primary) = (deployment.publication(), &pairs[0]);
        for (server, long) in [(&primary.blue, LONG), (&primary.green, Duration::ZERO)] {
            let admin = link::session(server, "postgres").await?;
            let found = admin
                .query_opt(
                    &format!("{IN_THE_WAY} LIMIT 1"),
                    &[&ours, &long.as_secs_f64()],
                )
                .await?;
            if let Some(row) = found {
                return Ok(Some(row.get(0)));
            }
            for link in &deployment.links {
                let session = link::session(server, &link.database).await?;
                if let Some(obstacle) = obstacle_in(&session, &ours).await? {
                    return Ok(Some(obstacle));
                }
                if server.id() == primary.blue.id() && shape::of(&session).await? != link.shape {
                    return Ok(Some(format!("the schema of {} was changed", link.database)));
                }
            }
        }
        Ok(None)
    }

    fn unfit_member(&self, deployment: &Deployment) -> Option<String> {
        let state = self.state();
        let members = deployment.members.iter();
        let ids = members.flat_map(|member| [Some(&member.blue), member.green.as_ref()]);
        let mut instances = ids.flatten().filter_map(|id| state.instances.get(id));
        instances.find_map(|instance| match instance.check_available() {
            Err(fault) => Some(fault.message),
            Ok(()) => instance
                .pending_reboot
                .then(|| format!("the parameters of {} wait for a reboot", instance.name)),
        })
    }
}

async fn obstacle_in(session: &Client, ours: &str) -> anyhow::Result<Option<String>> {
    let found = session
        .query_opt(&format!("{IN_A_DATABASE} LIMIT 1"), &[&ours])
        .await?;
    Ok(found.map(|row| row.get(0)))
}
