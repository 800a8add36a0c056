//! A role that can't reach its server, or only slowly.

use super::access;
use super::{host, number, spec};
use anyhow::{Context as _, Result};
use local_aws::clock::wait;
use local_rds::postgres::dial::Session;
use local_rds::postgres::{Cut, Host, Server, Slow, roles, until};
use std::time::{Duration, Instant};
use tokio_postgres::Client;

const INSIDE: &str = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'viridian'";
const FOLLOWERS: &str = "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'";

/// A server with a replica, and with a session of our role.
async fn server(host: &Host) -> Result<(Server, Client, Session)> {
    let server = host.create(spec("server", "16.14")).await?;
    let admin = server.admin("postgres").await?;
    roles::create_master(&admin, "viridian", "secret").await?;
    host.replica_of(&server, spec("replica", "16.14")).await?;
    until(&admin, &FOLLOWERS.replace("count(*)", "count(*) = 1")).await?;
    let session = enter(host, &server).await?;
    Ok((server, admin, session))
}

async fn enter(host: &Host, server: &Server) -> Result<Session> {
    access::enter(host, server, "server.test", "viridian")
        .await
        .map_err(anyhow::Error::msg)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_is_cut_off_gets_in_again_afterwards_and_replication_goes_on() -> Result<()> {
    let host = host("cut")?;
    let (server, admin, session) = server(&host).await?;
    let cut = Cut::off(&server, "viridian").await?;
    assert!(session.client.batch_execute("SELECT 1").await.is_err());
    let refused = enter(&host, &server).await.err().context("it is cut off")?;
    assert!(
        refused.to_string().contains("too many connections"),
        "{refused}"
    );
    assert_eq!(number(&admin, INSIDE).await?, 0);
    assert_eq!(number(&admin, FOLLOWERS).await?, 1);
    cut.end().await?;
    enter(&host, &server).await?;

    drop(Cut::off(&server, "viridian").await?);
    let inside = async || Ok(enter(&host, &server).await.is_ok());
    wait("the role gets in", inside).await?;
    let limit = "SELECT rolconnlimit::bigint FROM pg_roles WHERE rolname = 'viridian'";
    assert_eq!(number(&admin, limit).await?, -1);
    host.keeper.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_server_answers_all_the_same_and_new_sessions_are_slow_as_well() -> Result<()> {
    let host = host("slow")?;
    let (server, admin, session) = server(&host).await?;
    let hold = Duration::from_millis(200);
    let slow = Slow::down(&server, "viridian", hold).await?;
    tokio::time::sleep(hold / 4).await;
    let began = Instant::now();
    session.client.batch_execute("SELECT 1").await?;
    assert!(began.elapsed() > hold / 4, "{:?}", began.elapsed());
    let other = enter(&host, &server).await?;
    other.client.batch_execute("SELECT 1").await?;
    assert_eq!(number(&admin, FOLLOWERS).await?, 1);
    slow.end();
    session.client.batch_execute("SELECT 1").await?;
    other.client.batch_execute("SELECT 1").await?;
    host.keeper.end().await
}
