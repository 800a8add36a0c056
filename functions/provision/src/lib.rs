//! Makes green, and tells how far it is.

use domain::error::StepError;
use domain::plan::{Member, Plan};
use domain::provision::{Act, Input, Output, Seen, done, next, waiting};
use domain::rds::{Deployment, Instance, instance_of};
use domain::record::{Green, GreenWait, Ticket};
use effects::claims::{Claims, Held};
use effects::dns::Resolver;
use effects::error::Error;
use effects::postgres::{Access, Endpoint, marker};
use effects::rds::{Deployments, Instances, NewDeployment};
use effects::secrets::Secrets;
use effects::step::Invocation;
use effects::tokens::Tokens;
use tracing::{info, warn};

/// What green is made with.
#[derive(Clone)]
pub struct Site {
    /// The table of upgrades.
    pub claims: Claims,
    /// The instances.
    pub instances: Instances,
    /// The blue/green deployments.
    pub deployments: Deployments,
    /// The waits for green.
    pub tokens: Tokens,
    /// Our credentials.
    pub secrets: Secrets,
    /// Who knows the servers' addresses.
    pub resolver: Resolver,
}

/// Makes the marker tables and then green, or sees how far it is. Run again, it finds its own deployment by name and tag.
/// With a token it begins a wait as well, which ends when RDS tells of a deployment, or by its own timeout.
///
/// # Errors
///
/// `Upgrade.Refused` if RDS can't make green, or if another deployment is in the way.
pub async fn run(site: &Site, input: Input, invocation: Invocation) -> Result<Output, Error> {
    let Input { ticket, token } = input;
    let act = async |held: &mut Held<'_>| match token {
        Some(token) => site.wait(held, token).await,
        None => site.step(held).await,
    };
    site.claims
        .holding(&ticket, "provision", &invocation, act)
        .await
}

impl Site {
    /// Hands the wait's token to the record, for `on_green`, **then** looks, so that nobody waits for what is there already.
    async fn wait(&self, held: &mut Held<'_>, token: String) -> Result<Output, Error> {
        let deployment = self.deployments.named(&held.record().plan.name).await?;
        let wait = GreenWait {
            token: token.clone(),
            deployment: deployment.map(|deployment| deployment.id),
        };
        held.change(|record| record.green_wait = Some(wait)).await?;
        let known = held.record().green.is_some();
        let output = self.step(held).await?;
        // What was recorded just now is looked at once more, and RDS may have no further event to tell.
        let recorded = !known && held.record().green.is_some();
        if (output.done || recorded)
            && let Err(lost) = self.tokens.succeed(&token).await
        {
            // Its timeout ends it as well.
            warn!(%lost, "own wait not ended");
        }
        Ok(output)
    }

    async fn step(&self, held: &mut Held<'_>) -> Result<Output, Error> {
        let plan = held.record().plan.clone();
        let seen = self.see(&plan, held.record().green.clone()).await?;
        match next(&plan, &held.ticket().owner, &seen) {
            Act::Create => self.create(held, &plan).await,
            Act::Wait { percent, what } => Ok(waiting(percent, &what)),
            Act::Record(green) => {
                self.record(held, green).await?;
                Ok(waiting(99, "RDS to say once more that green is available"))
            }
            Act::Done(green) => Ok(done(&plan, &green)),
            Act::Refuse { why } => Err(StepError::refused(why).into()),
        }
    }

    async fn see(&self, plan: &Plan, recorded: Option<Green>) -> Result<Seen, Error> {
        let deployment = self.deployments.named(&plan.name).await?;
        Ok(Seen {
            instances: self.greens(deployment.as_ref()).await?,
            deployment,
            recorded,
        })
    }

    async fn greens(&self, deployment: Option<&Deployment>) -> Result<Vec<Instance>, Error> {
        let pairs = deployment.map(|deployment| deployment.pairs.as_slice());
        let targets = pairs
            .unwrap_or_default()
            .iter()
            .filter_map(|pair| pair.target.as_deref());
        let mut greens = vec![];
        for target in targets {
            greens.extend(self.instances.describe(&instance_of(target)).await?);
        }
        Ok(greens)
    }

    /// The marker tables come first: made later, they would be DDL, which replication does not carry.
    async fn create(&self, held: &Held<'_>, plan: &Plan) -> Result<Output, Error> {
        let writer = self.unchanged(plan).await?;
        self.markers(held, plan, writer).await?;
        held.verify().await?;
        let new = new_deployment(plan, writer, held.ticket());
        match self.deployments.create(&new).await {
            Ok(()) => info!(name = new.name, "green asked for"),
            Err(error) if Deployments::already_exists(&error) => self.whose(plan, writer).await?,
            Err(error) => return Err(error),
        }
        Ok(waiting(0, "RDS to begin"))
    }

    /// Blue's writer, if its name still belongs to the instance that was planned.
    async fn unchanged<'a>(&self, plan: &'a Plan) -> Result<&'a Member, Error> {
        let Some(writer) = plan.writer() else {
            return Err(StepError::refused("the plan has no writer").into());
        };
        let now = self.instances.describe(&writer.instance).await?;
        match now.filter(|now| now.resource_id == writer.resource_id) {
            Some(_) => Ok(writer),
            None => Err(StepError::refused(format!(
                "{} is not the instance any more that was planned",
                writer.instance
            ))
            .into()),
        }
    }

    async fn markers(&self, held: &Held<'_>, plan: &Plan, writer: &Member) -> Result<(), Error> {
        let connector = self
            .secrets
            .connector(&plan.database, &self.resolver)
            .await?;
        let endpoint = Endpoint::new(&writer.address, writer.port);
        for database in &plan.databases {
            let session = connector
                .connect(&endpoint, database, Access::AsServed)
                .await?;
            held.verify().await?;
            marker::create(&session).await?;
        }
        Ok(())
    }

    /// RDS says that there is a deployment, though none was seen under our name: somebody else's, or ours, made a moment
    /// ago by a call whose answer was lost. The next look finds ours.
    async fn whose(&self, plan: &Plan, writer: &Member) -> Result<(), Error> {
        let found = self.deployments.of_source(&writer.arn).await?;
        match found.iter().find(|other| other.name != plan.name) {
            None => Ok(()),
            Some(other) => Err(StepError::refused(format!(
                "{} has the blue/green deployment {} ({}) already",
                writer.instance, other.name, other.id
            ))
            .into()),
        }
    }

    async fn record(&self, held: &mut Held<'_>, green: Green) -> Result<(), Error> {
        info!(deployment = %green.deployment, "green recorded");
        held.change(|record| record.green = Some(green)).await
    }
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
