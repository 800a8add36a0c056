//! Whether the replicas follow the writer.

use crate::facts::Server;
use domain::inspection::{Case, count, listed};
use domain::plan::Check;

/// What RDS says of each replica, or else what the writer says: as many streams as replicas.
pub(super) fn check(case: &Case<'_>, server: &Server) -> Check {
    const NAME: &str = "replicas follow";
    let readers = &case.seen.readers;
    let ill: Vec<String> = readers
        .iter()
        .filter_map(|reader| Some((reader, reader.replication.as_deref()?)))
        .filter(|(_, status)| *status != "replicating")
        .map(|(reader, status)| format!("{} is {status}", reader.id))
        .collect();
    let streams = server.streaming as usize;
    if !ill.is_empty() {
        Check::blocker(NAME, listed(&ill), "repair or replace the replica")
    } else if streams < readers.len() {
        let found = format!(
            "{} of {} stream from the writer",
            streams,
            count(readers.len(), "replica")
        );
        Check::blocker(
            NAME,
            found,
            "wait until every replica streams, or repair it",
        )
    } else {
        Check::pass(
            NAME,
            format!("{} of {} stream", streams, count(readers.len(), "replica")),
        )
    }
}
