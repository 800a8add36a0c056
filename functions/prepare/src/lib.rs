//! Makes green fit to take over: parity with blue, statistics, and a rehearsal of the fence.

mod rehearsal;
mod statistics;

use domain::error::StepError;
use domain::prepare::{
    Input, Output, Parity, Twins, can_send_back, parity, prepared, unlike, waiting,
};
use domain::record::{Green, Record};
use domain::request::WayBack;
use effects::claims::{Claims, Held};
use effects::dns::Resolver;
use effects::error::Error;
use effects::postgres::{Access, Endpoint, inspect};
use effects::rds::{Instances, Versions};
use effects::secrets::Secrets;
use effects::step::Invocation;

/// What green is prepared with.
#[derive(Clone)]
pub struct Bench {
    /// The table of upgrades.
    pub claims: Claims,
    /// The instances.
    pub instances: Instances,
    /// The parameter groups.
    pub versions: Versions,
    /// Our credentials.
    pub secrets: Secrets,
    /// Who knows the servers' addresses.
    pub resolver: Resolver,
}

/// Compares green with blue, gathers missing statistics and rehearses the fence. Run again, it goes on where it stopped.
///
/// # Errors
///
/// `Upgrade.Refused` if green could not carry what blue carries, or if the fence can't be put up and taken down there.
pub async fn run(bench: &Bench, input: Input, invocation: Invocation) -> Result<Output, Error> {
    let act = async |held: &mut Held<'_>| bench.step(held, &invocation).await;
    bench
        .claims
        .holding(&input.ticket, "prepare", &invocation, act)
        .await
}

impl Bench {
    async fn step(&self, held: &mut Held<'_>, invocation: &Invocation) -> Result<Output, Error> {
        let green = green(held.record())?;
        let mut lines = match parity(
            &held.record().plan,
            &self.twins(held.record(), &green).await?,
        ) {
            Parity::Unfit(why) => return Err(StepError::refused(why).into()),
            Parity::Wait(what) => return Ok(waiting(&what)),
            Parity::Fit(lines) => lines,
        };
        let plan = held.record().plan.clone();
        let connector = self
            .secrets
            .connector(&plan.database, &self.resolver)
            .await?;
        let writer = endpoint(&green)?;
        // The fence first: a rehearsal that was interrupted must not stand while a large table is analyzed.
        lines.push(rehearsal::run(held, &connector, &writer, invocation).await?);
        if plan.request.way_back == WayBack::ReverseReplication {
            let session = connector
                .connect(&writer, inspect::MAINTENANCE, Access::AsServed)
                .await?;
            let settings = inspect::settings(&session).await?;
            let can = can_send_back(&settings, plan.databases.len());
            lines.push(can.map_err(StepError::refused)?);
        }
        let gathered = statistics::gather(held, &connector, &writer, invocation).await?;
        Ok(match gathered {
            statistics::Gathered::All(line) => prepared(lines.into_iter().chain([line]).collect()),
            statistics::Gathered::Some(line) => waiting(&line),
        })
    }

    /// Blue's instances and green's by resource id, in the plan's order.
    async fn twins(&self, record: &Record, green: &Green) -> Result<Vec<Twins>, Error> {
        let mut twins = vec![];
        for planned in &record.plan.members {
            let Some(member) = green
                .members
                .iter()
                .find(|member| member.blue == planned.instance)
            else {
                continue;
            };
            let blue = self.instances.find(&planned.resource_id).await?;
            let green = self.instances.find(&member.resource_id).await?;
            let (Some(blue), Some(green)) = (blue, green) else {
                continue;
            };
            twins.push(self.compared(blue, green).await?);
        }
        Ok(twins)
    }

    async fn compared(
        &self,
        blue: domain::rds::Instance,
        green: domain::rds::Instance,
    ) -> Result<Twins, Error> {
        let of_blue = self.versions.parameters(&blue.parameter_group).await?;
        let of_green = self.versions.parameters(&green.parameter_group).await?;
        Ok(Twins {
            parameters: unlike(&of_blue, &of_green),
            blue,
            green,
        })
    }
}

fn green(record: &Record) -> Result<Green, Error> {
    let green = record.green.clone();
    green.ok_or_else(|| StepError::refused("there is no green yet; provision makes it").into())
}

fn endpoint(green: &Green) -> Result<Endpoint, Error> {
    let writer = green.members.first();
    let writer = writer.ok_or_else(|| StepError::refused("green has no instance"))?;
    Ok(Endpoint::new(&writer.address, writer.port))
}
