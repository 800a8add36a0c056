//! Creates green, and reports its progress.

use domain::error::StepError;
use domain::plan::{Member, Plan};
use domain::rds::{Deployment, Instance, instance_of};
use domain::record::{Green, GreenWait, Ticket};
use domain::steps::provision::{Act, Input, Output, Seen, done, next, waiting};
use ports::{Access, Created, Error, NewDeployment, Rds, Session, TaskTokens, World};
use steps::{Call, Held, Servers};
use tracing::{info, warn};

/// Makes the marker tables and then green, or sees how far it is. Run again, it finds its own deployment by name and tag.
/// With a token it begins a wait as well, which ends by an event of RDS, or by its own timeout.
///
/// # Errors
///
/// `Upgrade.Refused` if RDS can't make green, or if another deployment is in the way.
pub async fn run<W: World>(call: &Call<'_, W>, input: Input) -> Result<Output, Error> {
    let Input { ticket, token } = input;
    let act = async |held: &mut Held<'_, W>| match token {
        Some(token) => wait(held, token).await,
        None => step(held).await,
    };
    call.holding(&ticket, "provision", act).await
}

/// Hands the wait's token to the record, for `on_green`, **then** looks, so that it does not wait for what is there already.
async fn wait<W: World>(held: &mut Held<'_, W>, token: String) -> Result<Output, Error> {
    let world = held.call.world;
    let named = world
        .rds()
        .deployment_named(&held.record().plan.name)
        .await?;
    let wait = GreenWait {
        token: token.clone(),
        deployment: named.map(|deployment| deployment.id),
    };
    held.change(|record| record.green_wait = Some(wait)).await?;
    let known = held.record().green.is_some();
    let output = step(held).await?;
    // What was recorded just now is looked at once more, and RDS may send no further event.
    let recorded = !known && held.record().green.is_some();
    if (output.done || recorded)
        && let Err(lost) = world.task_tokens().succeed(&token).await
    {
        // Its timeout ends it as well.
        warn!(%lost, "own wait not ended");
    }
    Ok(output)
}

async fn step<W: World>(held: &mut Held<'_, W>) -> Result<Output, Error> {
    let plan = held.record().plan.clone();
    let seen = see(held, &plan).await?;
    match next(&plan, &held.ticket().owner, &seen) {
        Act::Create => create(held, &plan).await,
        Act::Wait { percent, what } => Ok(waiting(percent, &what)),
        Act::Record(green) => {
            record(held, green).await?;
            Ok(waiting(99, "RDS to say once more that green is available"))
        }
        Act::Done(green) => Ok(done(&plan, &green)),
        Act::Refuse { why } => Err(StepError::refused(why).into()),
    }
}

async fn see<W: World>(held: &Held<'_, W>, plan: &Plan) -> Result<Seen, Error> {
    let rds = held.call.world.rds();
    let deployment = rds.deployment_named(&plan.name).await?;
    Ok(Seen {
        instances: greens(rds, deployment.as_ref()).await?,
        deployment,
        recorded: held.record().green.clone(),
    })
}

async fn greens(rds: &impl Rds, deployment: Option<&Deployment>) -> Result<Vec<Instance>, Error> {
    let pairs = deployment.into_iter().flat_map(|found| &found.pairs);
    let mut greens = vec![];
    for target in pairs.filter_map(|pair| pair.target.as_deref()) {
        greens.extend(rds.instance_named(&instance_of(target)).await?);
    }
    Ok(greens)
}

/// The marker tables come first: made later, they would be DDL, which replication does not carry.
async fn create<W: World>(held: &Held<'_, W>, plan: &Plan) -> Result<Output, Error> {
    let rds = held.call.world.rds();
    let writer = unchanged(rds, plan).await?;
    markers(held).await?;
    held.verify().await?;
    let new = new_deployment(plan, writer, held.ticket());
    match rds.create_deployment(&new).await? {
        Created::Begun => info!(name = new.name, "green asked for"),
        Created::Exists => whose(rds, plan, writer).await?,
    }
    Ok(waiting(0, "RDS to begin"))
}

/// Blue's writer, if its name still belongs to the instance that was planned.
async fn unchanged<'p>(rds: &impl Rds, plan: &'p Plan) -> Result<&'p Member, Error> {
    let writer = plan.writer()?;
    let now = rds.instance_named(&writer.instance).await?;
    match now.filter(|now| now.resource_id == writer.resource_id) {
        Some(_) => Ok(writer),
        None => Err(StepError::refused(format!(
            "{} is no longer the instance that was planned",
            writer.instance
        ))
        .into()),
    }
}

async fn markers<W: World>(held: &Held<'_, W>) -> Result<(), Error> {
    let servers = Servers::of(held.call, held.record());
    for database in &servers.plan.databases {
        let session = servers.blue(database, Access::AsServed).await?;
        held.verify().await?;
        session.make_marker().await?;
    }
    Ok(())
}

/// RDS says that there is a deployment, though none was seen under our name: another's, or ours, made a moment ago by a call
/// whose answer was lost. The next look finds ours.
async fn whose(rds: &impl Rds, plan: &Plan, writer: &Member) -> Result<(), Error> {
    let found = rds.deployments_of(&writer.arn).await?;
    match found.iter().find(|other| other.name != plan.name) {
        None => Ok(()),
        Some(other) => Err(StepError::refused(format!(
            "{} has the blue/green deployment {} ({}) already",
            writer.instance, other.name, other.id
        ))
        .into()),
    }
}

async fn record<W: World>(held: &mut Held<'_, W>, green: Green) -> Result<(), Error> {
    info!(deployment = %green.deployment, "green recorded");
    held.change(|record| record.green = Some(green)).await
}

fn new_deployment(plan: &Plan, writer: &Member, ticket: &Ticket) -> NewDeployment {
    NewDeployment {
        name: plan.name.clone(),
        source: writer.arn.clone(),
        version: plan.to_version.clone(),
        parameter_group: plan.request.green.parameter_group.clone(),
        tags: plan.tags(&ticket.owner),
    }
}
