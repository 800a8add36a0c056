//! What must hold once everything has come to rest, whatever went wrong before.

use crate::follow;
use crate::world::{DATABASE, ROLES, World};
use anyhow::{Context as _, Result, ensure};
use asl::history::Fact;
use asl::interpreter::Execution;
use local::platform::Platform;
use local::shop::OWNER;
use local_aws::xml;
use local_rds::postgres::Server;
use serde::Serialize;
use std::time::Duration;
use tests::until;
use tokio::time::timeout;
use tokio_postgres::Client;

/// How long one question to a server may take: no answer is not a refusal, and the machine may be busy.
const PATIENCE: Duration = Duration::from_mins(1);

/// What a case came to.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Verdict {
    /// What should not be so.
    pub problems: Vec<String>,
    /// `blue`, `green`, or what else takes the application's writes.
    pub serving: String,
    /// The phase of the upgrade's record, `none` without one.
    pub phase: String,
    /// Every execution, and how it ended.
    pub executions: Vec<String>,
    /// How many commits of the application were acknowledged.
    pub acknowledged: i64,
}

/// Looks at everything, stops the application, and says what is not as it must be.
pub async fn reach(world: World) -> (Platform, Verdict) {
    let World {
        platform,
        blue,
        writer,
    } = world;
    let mut verdict = Verdict {
        executions: follow::states(&platform),
        ..Verdict::default()
    };
    let mut note = |found: Result<()>| {
        verdict
            .problems
            .extend(found.err().map(|error| format!("{error:#}")));
    };
    let serving = serving(&platform, &blue).await;
    let (name, server) = match serving {
        Ok((name, server)) => (name, Some(server)),
        Err(error) => {
            note(Err(error));
            ("no single server".to_owned(), None)
        }
    };
    if let Some(server) = &server {
        note(no_fence(server).await);
        note(goes_on(&platform, server).await);
    }
    note(blue_is_there(&platform, &blue));
    let phase = phase(&platform).await;
    match &phase {
        Ok(phase) => {
            note(has_ended(phase));
            note(is_told(phase, &platform));
        }
        Err(error) => note(Err(anyhow::anyhow!("the record: {error:#}"))),
    }
    let written = writer.stop().await;
    match (&written, &server) {
        (Ok(written), Some(server)) => note(whole(written, server).await),
        (Ok(_), None) => {}
        (Err(error), _) => note(Err(anyhow::anyhow!("{error:#}"))),
    }
    verdict.serving = name;
    verdict.phase = phase.unwrap_or_default();
    verdict.acknowledged = written.map_or(0, |written| written.acknowledged);
    (platform, verdict)
}

/// The one server on which the application's role can write, tried on all that there are.
async fn serving(platform: &Platform, blue: &str) -> Result<(String, Server)> {
    let mut open = Vec::new();
    for server in servers(platform).await? {
        if takes_writes(platform, &server).await {
            open.push(server);
        }
    }
    let ids: Vec<String> = open.iter().map(|server| server.id().to_owned()).collect();
    ensure!(
        open.len() == 1,
        "{} servers take the application's writes: {ids:?}",
        open.len()
    );
    let server = open.remove(0);
    let name = if server.id() == blue { "blue" } else { "green" };
    Ok((name.to_owned(), server))
}

/// The servers of all instances.
async fn servers(platform: &Platform) -> Result<Vec<Server>> {
    let seen = platform
        .client()
        .query("rds", "DescribeDBInstances", &[])
        .await?;
    let names = xml::all(&seen, "DBInstanceIdentifier").into_iter();
    Ok(names.filter_map(|name| platform.rds.server(name)).collect())
}

async fn takes_writes(platform: &Platform, server: &Server) -> bool {
    let tried = async {
        let session = tests::door(platform, server, OWNER)?.dial().await?;
        let insert = "insert into probe default values";
        anyhow::Ok(session.client.batch_execute(insert).await?)
    };
    matches!(timeout(PATIENCE, tried).await, Ok(Ok(())))
}

async fn no_fence(server: &Server) -> Result<()> {
    let admin = server.admin(DATABASE).await?;
    let query = "SELECT rolname::text FROM pg_roles WHERE rolname = ANY($1) AND NOT rolcanlogin \
                 OR shobj_description(oid, 'pg_authid') LIKE 'viridian%'";
    let rows = admin.query(query, &[&ROLES.as_slice()]).await?;
    let fenced: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    ensure!(
        fenced.is_empty(),
        "a fence stands on what serves: {fenced:?}"
    );
    Ok(())
}

/// The application finds the server that serves by its name, and writes there.
async fn goes_on(platform: &Platform, server: &Server) -> Result<()> {
    let named = platform.rds.server(DATABASE).context("no writer's name")?;
    ensure!(
        named.id() == server.id(),
        "the name leads elsewhere than to what takes writes"
    );
    let admin = server.admin(DATABASE).await?;
    let now = number(&admin, "select coalesce(max(number), 0) from ticks").await?;
    let more = format!("select max(number) > {now} + 5 from ticks");
    let written = timeout(PATIENCE, until(&admin, &more)).await;
    written.context("the application does not write")?
}

async fn number(client: &Client, query: &str) -> Result<i64> {
    Ok(client.query_one(query, &[]).await?.get(0))
}

fn blue_is_there(platform: &Platform, blue: &str) -> Result<()> {
    let there = platform.rds.server_of(blue).is_some();
    ensure!(there, "blue is gone");
    Ok(())
}

/// The upgrade's phase, as its record has it.
pub async fn phase(platform: &Platform) -> Result<String> {
    let item = tests::item(platform).await?;
    Ok(item["phase"]["S"].as_str().unwrap_or("none").to_owned())
}

fn has_ended(phase: &str) -> Result<()> {
    let ended = ["none", "ended", "needs_operator"].contains(&phase);
    ensure!(ended, "the record's phase is {phase}: no machine ends it");
    Ok(())
}

/// A person who is needed was called, and no message said that all is well. What was stopped from outside tells nothing.
fn is_told(phase: &str, platform: &Platform) -> Result<()> {
    let all = platform.states.executions();
    let stopped = |execution: &Execution| ["ABORTED", "TIMED_OUT"].contains(&execution.status());
    if phase != "needs_operator" || all.iter().any(stopped) {
        return Ok(());
    }
    let facts = all.iter().flat_map(Execution::history);
    let names: Vec<&str> = facts
        .filter_map(|event| match &event.fact {
            Fact::StateEntered { name, .. } => Some(name.as_str()),
            _ => None,
        })
        .collect();
    ensure!(
        names.contains(&"AnnounceNeedsOperator") && !names.contains(&"AnnounceRolledBack"),
        "a person is needed, and these were entered: {names:?}"
    );
    Ok(())
}

async fn whole(written: &tests::ticks::Written, server: &Server) -> Result<()> {
    let admin = server.admin(DATABASE).await?;
    let held = timeout(PATIENCE, written.is_whole(&admin)).await;
    held.context("the audit takes too long")?
}
