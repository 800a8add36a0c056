//! A listener of a Network Load Balancer, and a proxy in its place: moto keeps weights and targets, and moves no bytes.

use super::Site;
use anyhow::{Context, Result};
use local_aws::gateway::client::Client;
use local_aws::network::Lease;
use local_aws::xml;
use local_rds::postgres::dial::{Address, BALANCERS};
use rand::RngExt as _;
use serde_json::{Value, json};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// How often the proxy looks at the listener.
const LOOK: Duration = Duration::from_millis(200);
/// How long connections to a deregistered target go on: a target group's default.
const DRAIN: Duration = Duration::from_mins(5);

/// A target, and its share of the new connections beside those of the others.
type Shares = Vec<(SocketAddrV4, f64)>;

/// Makes a load balancer with a listener and one target group without targets, and proxies for it.
pub(super) async fn create(site: &Site<'_>, lease: Lease) -> Result<Address> {
    let listener = make(site.client, "orders-reads", site.port).await?;
    let at = lease.address();
    let accepts = TcpListener::bind(at).await?;
    let (told, shares) = watch::channel(Shares::new());
    tokio::spawn(look(site.client.clone(), listener, told));
    tokio::spawn(async move {
        let _lease = lease;
        while let Ok((client, _)) = accepts.accept().await {
            tokio::spawn(carry(client, shares.clone()));
        }
    });
    Ok(Address::Fixed {
        host: format!("orders-reads{BALANCERS}"),
        at: at.into(),
    })
}

/// What stands in the request.
pub(super) async fn request(client: &Client) -> Result<Value> {
    Ok(json!({"listener": only(client).await?}))
}

/// Registers a target in the customer's group, once it is there.
pub(super) async fn register(client: &Client, at: SocketAddrV4) -> Result<()> {
    let listener = only(client).await?;
    let groups = groups(client, &listener).await?;
    let (group, _) = groups.first().context("a target group")?;
    change(client, "RegisterTargets", group, at).await
}

pub(super) async fn state(client: &Client) -> Result<Vec<String>> {
    of(client, &only(client).await?).await
}

async fn only(client: &Client) -> Result<String> {
    let found = call(client, "DescribeLoadBalancers", &[]).await?;
    let balancer = xml::first(&found, "LoadBalancerArn").context("a load balancer")?;
    let found = call(
        client,
        "DescribeListeners",
        &[("LoadBalancerArn", balancer)],
    )
    .await?;
    listener_in(&found)
}

fn listener_in(answer: &str) -> Result<String> {
    let arn = xml::first(answer, "ListenerArn");
    Ok(arn.context("a listener")?.to_owned())
}

/// Makes a load balancer with a TCP listener and a target group of its name; the listener's ARN.
///
/// # Errors
/// When a call fails.
pub async fn make(client: &Client, name: &str, port: u16) -> Result<String> {
    let version = [("Version", "2016-11-15")];
    let subnets = client.query("ec2", "DescribeSubnets", &version).await?;
    let subnet = xml::first(&subnets, "subnetId").context("a subnet")?;
    let vpc = xml::first(&subnets, "vpcId").context("a VPC")?;
    let of_network = [
        ("Name", name),
        ("Type", "network"),
        ("Subnets.member.1", subnet),
    ];
    let balancer = call(client, "CreateLoadBalancer", &of_network).await?;
    let balancer = xml::first(&balancer, "LoadBalancerArn").context("a load balancer")?;
    let port = port.to_string();
    let tcp = [("Protocol", "TCP"), ("Port", &port)];
    let of_group = [
        ("Name", name),
        ("TargetType", "ip"),
        ("VpcId", vpc),
        ("HealthCheckIntervalSeconds", "10"),
    ];
    let group = call(client, "CreateTargetGroup", &[&of_group[..], &tcp].concat()).await?;
    let group = xml::first(&group, "TargetGroupArn").context("a target group")?;
    let of_listener = [
        ("LoadBalancerArn", balancer),
        ("DefaultActions.member.1.Type", "forward"),
        ("DefaultActions.member.1.TargetGroupArn", group),
    ];
    let made = call(client, "CreateListener", &[&of_listener[..], &tcp].concat()).await?;
    listener_in(&made)
}

/// Calls Elastic Load Balancing.
///
/// # Errors
/// When the call fails.
pub async fn call(client: &Client, action: &str, parameters: &[(&str, &str)]) -> Result<String> {
    let parameters = [&[("Version", "2015-12-01")], parameters].concat();
    client
        .query("elasticloadbalancing", action, &parameters)
        .await
}

/// Registers or deregisters one target.
///
/// # Errors
/// When the call fails.
pub async fn change(client: &Client, action: &str, group: &str, at: SocketAddrV4) -> Result<()> {
    let (ip, port) = (at.ip().to_string(), at.port().to_string());
    let target = [
        ("TargetGroupArn", group),
        ("Targets.member.1.Id", &ip),
        ("Targets.member.1.Port", &port),
    ];
    call(client, action, &target).await.map(drop)
}

/// The groups that a listener forwards to, by ARN, with their weights.
///
/// # Errors
/// When a call fails.
pub async fn groups(client: &Client, listener: &str) -> Result<Vec<(String, Option<u16>)>> {
    let found = call(
        client,
        "DescribeListeners",
        &[("ListenerArns.member.1", listener)],
    )
    .await?;
    let groups = found.split("<TargetGroupArn>").skip(1).map(|group| {
        let arn = group.split('<').next().unwrap_or_default().to_owned();
        (
            arn,
            xml::first(group, "Weight").and_then(|weight| weight.parse().ok()),
        )
    });
    Ok(groups.collect())
}

/// The targets of a group.
///
/// # Errors
/// When a call fails.
pub async fn targets(client: &Client, group: &str) -> Result<Vec<SocketAddrV4>> {
    let found = call(client, "DescribeTargetHealth", &[("TargetGroupArn", group)]).await?;
    let targets = xml::all(&found, "Target").into_iter().map(|target| {
        let ip: Ipv4Addr = xml::first(target, "Id").context("an address")?.parse()?;
        let port = xml::first(target, "Port").context("a port")?.parse()?;
        Ok(SocketAddrV4::new(ip, port))
    });
    let mut targets = targets.collect::<Result<Vec<_>>>()?;
    targets.sort();
    Ok(targets)
}

/// A listener's groups by name, each with its weight and its targets.
///
/// # Errors
/// When a call fails.
pub async fn of(client: &Client, listener: &str) -> Result<Vec<String>> {
    let mut lines = vec![];
    for (group, weight) in groups(client, listener).await? {
        let name = group.split('/').nth(1).unwrap_or_default();
        let weight = weight.map_or_else(|| "all".to_owned(), |weight| weight.to_string());
        let targets = targets(client, &group).await?;
        let targets: Vec<String> = targets.iter().map(SocketAddrV4::to_string).collect();
        lines.push(format!("{name} {weight} {}", targets.join(" ")));
    }
    Ok(lines)
}

/// Looks for as long as a client connects.
async fn look(client: Client, listener: String, told: watch::Sender<Shares>) {
    while !told.is_closed() {
        match shares(&client, &listener).await {
            Ok(shares) => {
                told.send_replace(shares);
            }
            Err(error) => {
                tracing::warn!(error = format!("{error:#}"), "the listener can't be read");
            }
        }
        tokio::time::sleep(LOOK).await;
    }
}

async fn shares(client: &Client, listener: &str) -> Result<Shares> {
    let mut shares = Shares::new();
    for (group, weight) in groups(client, listener).await? {
        let targets = targets(client, &group).await?;
        let share = f64::from(weight.unwrap_or(1)) / f64::from(u32::try_from(targets.len())?);
        shares.extend(targets.into_iter().map(|target| (target, share)));
    }
    Ok(shares)
}

/// One connection, to its end or until its target has drained.
async fn carry(mut client: TcpStream, mut shares: watch::Receiver<Shares>) -> Result<()> {
    let target = draw(&shares.borrow()).context("no target")?;
    let mut server = TcpStream::connect(target).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let drained = async {
        let gone = |shares: &Shares| shares.iter().all(|(one, _)| *one != target);
        shares.wait_for(gone).await.ok();
        tokio::time::sleep(DRAIN).await;
    };
    tokio::select! {
        carried = tokio::io::copy_bidirectional(&mut client, &mut server) => carried.map(drop)?,
        () = drained => {}
    }
    Ok(())
}

fn draw(shares: &Shares) -> Option<SocketAddrV4> {
    let all: f64 = shares.iter().map(|(_, share)| share).sum();
    let mut left = rand::rng().random_range(0.0..1.0) * all;
    let mut open = shares.iter().filter(|(_, share)| *share > 0.0);
    let drawn = open.clone().find(|(_, share)| {
        left -= share;
        left < 0.0
    });
    drawn.or_else(|| open.next()).map(|(target, _)| *target)
}
