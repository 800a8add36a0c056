//! A TCP listener of a Network Load Balancer with weighted target groups.
//!
//! `ModifyListener` takes no condition, so the listener is read immediately before each change. Before our groups get connections
//! they stand in the listener with weight 0, since a group that no listener has is not checked for health.

use domain::error::StepError;
use domain::ids::Millis;
use domain::routes::{Address, GREEN, Listener, Part, Target, TargetGroup};
use ports::{Action, Clock, Error, Health, Listeners, Names, World};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tracing::{info, warn};

/// How soon a listener, or the health of a target, is looked at again.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// How a target group differs from what it should be.
struct Compared {
    arn: String,
    missing: Vec<Address>,
    surplus: Vec<Address>,
    /// Whether connections can be led to it.
    ready: bool,
}

impl Compared {
    const fn is_in_step(&self) -> bool {
        self.missing.is_empty() && self.surplus.is_empty()
    }
}

/// The listener of an ARN, if every target is an instance with one of these hosts. `Upgrade.Refused` if it can't be shared.
pub(crate) async fn find(
    world: &impl World,
    arn: &str,
    hosts: &[String],
    tags: &BTreeMap<String, String>,
) -> Result<Option<Listener>, Error> {
    let Some(action) = world.listeners().action(arn).await? else {
        return Ok(None);
    };
    let mut names = BTreeMap::new();
    for host in hosts {
        names.insert(world.names().address(host).await?.to_string(), host);
    }
    let mut groups = vec![];
    for (group, weight) in action.forwards {
        groups.push(TargetGroup {
            targets: targets(world, &group, &names).await?,
            group,
            weight,
        });
    }
    let found = Listener {
        listener: arn.to_owned(),
        groups,
        stickiness: action.stickiness,
        tags: tags.clone(),
        percent: None,
        at_once: false,
    };
    found.check()?;
    Ok(Some(found))
}

async fn targets(
    world: &impl World,
    group: &str,
    names: &BTreeMap<String, &String>,
) -> Result<Vec<Target>, Error> {
    let described = world.listeners().group(group).await?;
    if !described.is_some_and(|group| group.has_addresses) {
        let why = format!(
            "the target group {group} does not lead to addresses by TCP; register the instances in a group of the target type ip and the protocol TCP"
        );
        return Err(StepError::refused(why).into());
    }
    let registered = registered(world, group).await?.into_iter();
    let targets = registered.map(|(found, _)| match names.get(&found.ip) {
        Some(host) => Ok(Target {
            host: (*host).clone(),
            green: None,
            found,
        }),
        None => Err(StepError::refused(format!(
            "the target {} of {group} is no instance of this database; deregister it",
            found.ip
        ))
        .into()),
    });
    targets.collect()
}

/// Those that don't drain.
async fn registered(world: &impl World, group: &str) -> Result<Vec<(Address, Health)>, Error> {
    let mut all = world.listeners().targets(group).await?;
    all.retain(|(_, health)| *health != Health::Draining);
    Ok(all)
}

/// The listener as it is now, as far as it is what an upgrade makes of it: in the wanted state if weights and targets are so. `None`
/// if it is gone.
pub(crate) async fn read(world: &impl World, wanted: &Listener) -> Result<Option<Listener>, Error> {
    let Some(action) = world.listeners().action(&wanted.listener).await? else {
        return Ok(None);
    };
    let differs = Listener {
        groups: vec![],
        ..wanted.clone()
    };
    let Some(now) = recognized(wanted, &action) else {
        return Ok(Some(differs));
    };
    let known = known(world, wanted, &BTreeSet::new()).await;
    for part in wanted.parts() {
        let compared = compare(world, wanted, &part, &known).await?;
        if !compared.is_some_and(|compared| compared.is_in_step()) {
            return Ok(Some(differs));
        }
    }
    if wanted.percent.is_none() && !left_over(world, wanted).await?.is_empty() {
        return Ok(Some(differs));
    }
    Ok(Some(now))
}

/// Makes the listener as wanted and returns what it was before. `Upgrade.Refused` if it was changed outside of this upgrade.
pub(crate) async fn apply(
    world: &impl World,
    wanted: &Listener,
    hosts: &BTreeSet<String>,
    deadline: Millis,
    verify: impl AsyncFn() -> Result<(), Error>,
) -> Result<Option<Listener>, Error> {
    let before = read(world, wanted).await?;
    let known = known(world, wanted, hosts).await;
    loop {
        match advance(world, wanted, &known, &verify).await {
            Ok(Next::Done) => return Ok(before),
            Ok(Next::Look) if world.clock().now() < deadline => continue,
            Ok(Next::Look) => {
                let why = "the listener or one of its target groups is not as it should be yet";
                return Err(StepError::transient(why).into());
            }
            Ok(Next::Wait(why)) if world.clock().now() >= deadline => {
                return Err(StepError::transient(why).into());
            }
            Ok(Next::Wait(_)) => {}
            Err(failed) if failed.is_transient() && world.clock().now() < deadline => {
                warn!(%failed, "listener not changed yet");
            }
            Err(failed) => return Err(failed),
        }
        world.clock().sleep(LOOK_AGAIN).await;
    }
}

/// Registers the addresses that the hosts have now in the groups that are there, and deregisters those that they had.
pub(crate) async fn follow(
    world: &impl World,
    route: &Listener,
    hosts: &BTreeSet<String>,
    verify: impl AsyncFn() -> Result<(), Error>,
) -> Result<(), Error> {
    let known = known(world, route, hosts).await;
    for part in route.parts() {
        if let Some(compared) = compare(world, route, &part, &known).await? {
            bring_in_step(world, &compared, &verify).await?;
        }
    }
    Ok(())
}

enum Next {
    Done,
    /// Something was changed.
    Look,
    Wait(String),
}

/// Looks, and does the next thing.
async fn advance(
    world: &impl World,
    wanted: &Listener,
    known: &BTreeSet<String>,
    verify: &impl AsyncFn() -> Result<(), Error>,
) -> Result<Next, Error> {
    let action = there(world, wanted).await?;
    let now = recognized(wanted, &action).ok_or_else(|| foreign(wanted))?;
    let mut forwards = vec![];
    let mut waits = None;
    for part in wanted.parts() {
        let Some(compared) = compare(world, wanted, &part, known).await? else {
            verify().await?;
            let like = part.like.unwrap_or_default();
            let listeners = world.listeners();
            listeners
                .create_group(&part.group, like, &wanted.tags)
                .await?;
            info!(name = part.group, "target group made");
            return Ok(Next::Look);
        };
        if !compared.is_in_step() {
            bring_in_step(world, &compared, verify).await?;
            return Ok(Next::Look);
        }
        if !compared.ready {
            waits.get_or_insert(format!("the targets of {} are not healthy yet", part.group));
        }
        forwards.push((compared.arn, part.weight));
    }
    // Ours are checked for health only once the listener has them.
    let joining = now.percent.is_none() && wanted.percent.is_some();
    let stays = now.percent == wanted.percent;
    // With no connections yet, they stand ready for all of them.
    let stands_by = wanted.percent == Some(0);
    match waits {
        Some(why) if !joining && (!stays || stands_by) => return Ok(Next::Wait(why)),
        _ if stays => {}
        _ => {
            let next = if joining {
                wanted.at(Some(0))
            } else {
                wanted.clone()
            };
            let weights = next.parts().into_iter().map(|part| part.weight);
            let arns = forwards.into_iter().map(|(arn, _)| arn);
            let next = Action {
                forwards: arns.zip(weights).collect(),
                stickiness: next.kept_with_a_group(),
            };
            verify().await?;
            if there(world, wanted).await? != action {
                return Ok(Next::Wait("the listener is being changed".to_owned()));
            }
            world.listeners().forward(&wanted.listener, &next).await?;
            info!(listener = wanted.listener, ?next, "listener changed");
            return Ok(Next::Look);
        }
    }
    if wanted.percent.is_none() {
        for group in left_over(world, wanted).await? {
            verify().await?;
            world.listeners().delete_group(&group).await?;
            info!(group, "target group deleted");
        }
    }
    Ok(Next::Done)
}

/// Registers before it deregisters, so that there is always a target.
async fn bring_in_step(
    world: &impl World,
    compared: &Compared,
    verify: &impl AsyncFn() -> Result<(), Error>,
) -> Result<(), Error> {
    let Compared {
        arn,
        missing,
        surplus,
        ..
    } = compared;
    if !missing.is_empty() {
        verify().await?;
        world.listeners().register(arn, missing).await?;
        info!(group = arn, ?missing, "targets registered");
    }
    if !surplus.is_empty() {
        verify().await?;
        world.listeners().deregister(arn, surplus).await?;
        info!(group = arn, ?surplus, "targets deregistered");
    }
    Ok(())
}

/// A target group beside what it should be; `None` if it is one of ours and not there. Of the customer's targets only addresses that
/// this upgrade knows are surplus.
async fn compare(
    world: &impl World,
    route: &Listener,
    part: &Part<'_>,
    known: &BTreeSet<String>,
) -> Result<Option<Compared>, Error> {
    let arn = match part.like {
        None => part.group.clone(),
        Some(_) => match ours(world, route, &part.group).await? {
            Some(arn) => arn,
            None => return Ok(None),
        },
    };
    let mut compared = Compared {
        arn,
        missing: vec![],
        surplus: vec![],
        ready: true,
    };
    let Some(targets) = &part.targets else {
        return Ok(Some(compared));
    };
    let registered = registered(world, &compared.arn).await?;
    let all = |health| registered.iter().all(|(_, is)| *is == health);
    compared.ready = match part.like {
        _ if route.at_once => true,
        Some(_) => all(Health::Healthy),
        None => registered.iter().all(|(_, is)| *is != Health::Initial),
    };
    let needed = registered.is_empty() || part.like.is_none();
    let Some(wanted) = addresses(world, targets, needed).await? else {
        return Ok(Some(compared));
    };
    let has = |all: &[Address], one: &Address| {
        all.iter()
            .any(|it| (&it.ip, it.port) == (&one.ip, one.port))
    };
    let registered: Vec<Address> = registered.into_iter().map(|(address, _)| address).collect();
    let is_ours = |address: &Address| part.like.is_some() || known.contains(&address.ip);
    compared.missing.clone_from(&wanted);
    compared
        .missing
        .retain(|address| !has(&registered, address));
    compared.surplus = registered;
    compared
        .surplus
        .retain(|address| !has(&wanted, address) && is_ours(address));
    Ok(Some(compared))
}

/// The addresses that these hosts have now. `None` if one of them has none and it is not needed: the switchover ends green's own
/// names, and what was registered by them stays. Other names last, so no answer is no reason to take their group for right.
async fn addresses(
    world: &impl World,
    targets: &[(&str, &Address)],
    needed: bool,
) -> Result<Option<Vec<Address>>, Error> {
    let mut addresses = vec![];
    for (host, found) in targets {
        match world.names().address(host).await {
            Ok(ip) => addresses.push(Address {
                ip: ip.to_string(),
                ..(*found).clone()
            }),
            Err(failed) if needed => return Err(failed),
            Err(failed) => {
                warn!(%failed, host, "target left as it is");
                return Ok(None);
            }
        }
    }
    Ok(Some(addresses))
}

/// The ARN of our target group of this name. `Upgrade.Refused` if it lacks this upgrade's tags.
async fn ours(world: &impl World, route: &Listener, name: &str) -> Result<Option<String>, Error> {
    let Some(group) = world.listeners().group(name).await? else {
        return Ok(None);
    };
    let mut tags = route.tags.iter();
    if tags.all(|(key, value)| group.tags.get(key) == Some(value)) {
        return Ok(Some(group.arn));
    }
    let why = format!(
        "the target group {name} is not tagged as this upgrade's; look at it, and delete it"
    );
    Err(StepError::refused(why).into())
}

/// Our target groups that are there.
async fn left_over(world: &impl World, route: &Listener) -> Result<Vec<String>, Error> {
    let mut left = vec![];
    for name in route.partners() {
        left.extend(ours(world, route, &name).await?);
    }
    Ok(left)
}

/// The addresses that instances of this database have, or had when the listener was found.
async fn known(world: &impl World, route: &Listener, hosts: &BTreeSet<String>) -> BTreeSet<String> {
    let targets = route.groups.iter().flat_map(|group| &group.targets);
    let mut known: BTreeSet<String> = targets.map(|target| target.found.ip.clone()).collect();
    for host in hosts {
        let address = world.names().address(host).await;
        known.extend(address.map(|address| address.to_string()));
    }
    known
}

/// Our groups by their names, as the route has them.
fn recognized(route: &Listener, action: &Action) -> Option<Listener> {
    let name = |arn: &str| {
        let name = arn.split_once(":targetgroup/")?.1.split('/').next()?;
        name.starts_with(GREEN).then(|| name.to_owned())
    };
    let forwards = action.forwards.iter();
    let forwards: Vec<_> = forwards
        .map(|(arn, weight)| (name(arn).unwrap_or_else(|| arn.clone()), *weight))
        .collect();
    route.recognized(&forwards, action.stickiness)
}

async fn there(world: &impl World, route: &Listener) -> Result<Action, Error> {
    let name = &route.listener;
    let action = world.listeners().action(name).await?;
    let sorted = action.map(|mut action| {
        action.forwards.sort();
        action
    });
    sorted.ok_or_else(|| {
        let why = format!(
            "the listener {name} is gone; the upgrade can't lead clients any more; start again with the listener that they use"
        );
        StepError::refused(why).into()
    })
}

fn foreign(route: &Listener) -> StepError {
    let found: Vec<String> = route
        .groups
        .iter()
        .map(|group| match group.weight {
            None => group.group.clone(),
            Some(weight) => format!("{} with weight {weight}", group.group),
        })
        .collect();
    StepError::refused(format!(
        "the listener {} was changed outside of this upgrade: its target groups and weights are neither what the upgrade found nor what it made of them, and are left alone; let it forward to {} again, then start again",
        route.listener,
        found.join(" and ")
    ))
}
