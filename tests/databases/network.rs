//! The network to blue, to green and to RDS's API, cut or slow, in each phase of the switchover: whatever comes of the call,
//! one side serves and nothing is lost.

use crate::crossing::make_level;
use crate::shop::{OWNER, Shop};
use anyhow::{Context, Result, ensure};
use local_aws::faults::{Fault, Target};
use local_rds::postgres::Server;
use local_rds::postgres::outage::{Cut, Slow};
use serde_json::{Value, json};
use std::time::Duration;
use tests::wait;

/// How long the trouble lasts.
const LASTS: Duration = Duration::from_secs(3);
/// How long a slow answer takes.
const SLOW: Duration = Duration::from_millis(600);
/// Our own role, which the network is bad for.
const OURS: &str = "viridian";

#[derive(Clone, Copy, Debug)]
enum Way {
    Blue,
    Green,
    Api,
}

#[derive(Clone, Copy, Debug)]
enum Ill {
    Cut,
    Slow,
}

/// When the trouble begins.
#[derive(Clone, Copy, Debug)]
enum When {
    /// Before the switchover is asked for.
    Approaching,
    /// As soon as RDS has been called.
    Called,
    /// As soon as RDS says that green has the names.
    Renamed,
}

async fn begins(shop: &Shop, when: When) -> Result<()> {
    let switching = "SwitchoverBlueGreenDeployment";
    let begun = || match when {
        When::Approaching => true,
        When::Called => !shop.platform.calls().of("rds", switching).is_empty(),
        When::Renamed => shop.platform.rds.server("orders-old1").is_some(),
    };
    wait(&format!("{when:?}"), async || Ok(begun())).await
}

async fn trouble(shop: &Shop, way: Way, ill: Ill, server: &Server) -> Result<()> {
    match (way, ill) {
        (Way::Api, _) => {
            let fault = match ill {
                Ill::Cut => Fault::Refuse,
                Ill::Slow => Fault::Delay(SLOW),
            };
            let calls = Target::all_of("rds").by("switchover");
            let planted = shop.platform.faults().plant(calls, fault);
            tokio::time::sleep(LASTS).await;
            shop.platform.faults().clear();
            ensure!(planted.fired() > 0, "no call met the trouble");
        }
        (_, Ill::Cut) => {
            let cut = Cut::off(server, OURS).await?;
            tokio::time::sleep(LASTS).await;
            cut.end().await?;
        }
        (_, Ill::Slow) => {
            let slow = Slow::down(server, OURS, SLOW).await?;
            tokio::time::sleep(LASTS).await;
            slow.end();
        }
    }
    Ok(())
}

/// The switchover, and the rollback if it failed, as the machines would have it.
async fn cross(shop: &Shop, ticket: &Value) -> Result<()> {
    if let Err(failed) = shop.finish("switchover", ticket).await {
        eprintln!("the switchover failed: {failed:#}");
        let order = json!({"database": "orders", "owner": OWNER, "reason": failed.to_string()});
        match shop.finish("rollback", &order).await {
            Ok(said) => eprintln!("rolled back: {said:?}"),
            Err(asked) => eprintln!("a person is asked: {asked:#}"),
        }
    }
    Ok(())
}

/// Servers of the upgrade that let the application in and take its writes.
async fn serving(shop: &Shop, servers: &[Server]) -> Result<usize> {
    let mut serving = 0;
    for server in servers {
        let admin = server.admin("orders").await?;
        let open = "select rolcanlogin and not current_setting('default_transaction_read_only')::bool \
                    from pg_roles where rolname = 'orders_app'";
        serving += usize::from(admin.query_one(open, &[]).await?.get::<_, bool>(0));
    }
    ensure!(
        !shop.platform.calls().all().is_empty(),
        "nothing was called"
    );
    Ok(serving)
}

async fn case(name: &str, way: Way, ill: Ill, when: When) -> Result<()> {
    let shop = Shop::open(name, "16.14").await?;
    shop.make_table("").await?;
    let ticket = make_level(&shop, json!({"target_version": "18.4"})).await?;
    let rds = &shop.platform.rds;
    let green = rds.server(&shop.green().await?).context("green")?;
    let servers = [rds.server("orders").context("blue")?, green];
    let writer = shop.writer().await?;

    let bad = match way {
        Way::Green => &servers[1],
        Way::Blue | Way::Api => &servers[0],
    };
    let ill = async {
        begins(&shop, when).await?;
        trouble(&shop, way, ill, bad).await
    };
    let (crossed, troubled) = tokio::join!(cross(&shop, &ticket), ill);
    crossed?;
    troubled?;

    ensure!(serving(&shop, &servers).await? == 1, "not one side serves");
    let now = shop.goes_on().await?;
    writer.stop().await?.nothing_is_lost(&now).await?;
    shop.close().await
}

macro_rules! cases {
    ($($name:ident: $way:ident $ill:ident $when:ident,)*) => {
        $(
            #[tokio::test(flavor = "multi_thread")]
            async fn $name() -> Result<()> {
                let name = concat!("network-", stringify!($name));
                case(name, Way::$way, Ill::$ill, When::$when).await
            }
        )*
    };
}

cases! {
    blue_is_cut_off_before_the_switchover: Blue Cut Approaching,
    blue_is_slow_before_the_switchover: Blue Slow Approaching,
    blue_is_cut_off_while_rds_switches: Blue Cut Called,
    blue_is_slow_while_rds_switches: Blue Slow Called,
    old_is_cut_off_before_the_opening: Blue Cut Renamed,
    old_is_slow_before_the_opening: Blue Slow Renamed,
    green_is_cut_off_before_the_switchover: Green Cut Approaching,
    green_is_slow_before_the_switchover: Green Slow Approaching,
    green_is_cut_off_while_rds_switches: Green Cut Called,
    green_is_slow_while_rds_switches: Green Slow Called,
    green_is_cut_off_before_the_opening: Green Cut Renamed,
    green_is_slow_before_the_opening: Green Slow Renamed,
    rds_is_not_reached_before_the_switchover: Api Cut Approaching,
    rds_is_slow_before_the_switchover: Api Slow Approaching,
    rds_is_not_reached_while_it_switches: Api Cut Called,
    rds_is_slow_while_it_switches: Api Slow Called,
    rds_is_not_reached_before_the_opening: Api Cut Renamed,
    rds_is_slow_before_the_opening: Api Slow Renamed,
}
