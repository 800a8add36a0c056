//! Makes green fit to take over: parity with blue, statistics, and a rehearsal of the fence.

mod rehearsal;
mod statistics;

use domain::error::StepError;
use domain::rds::Instance;
use domain::record::Record;
use domain::request::WayBack;
use domain::steps::prepare::{Input, Output, Parity, Twins, parity, prepared, unlike, waiting};
use ports::{Access, Engine, Error, Rds, Session, World};
use statistics::Gathered;
use steps::{Call, Held, Servers};

/// Compares green with blue, gathers missing statistics and rehearses the fence. Run again, it goes on where it stopped.
///
/// # Errors
///
/// `Upgrade.Refused` if green could not carry what blue carries, or if the fence can't be put up and taken down there.
pub async fn run<W: World>(call: &Call<'_, W>, input: Input) -> Result<Output, Error> {
    let act = async |held: &mut Held<'_, W>| step(held).await;
    call.holding(&input.ticket, "prepare", act).await
}

async fn step<W: World>(held: &mut Held<'_, W>) -> Result<Output, Error> {
    let twins = twins(held.call.world.rds(), held.record()).await?;
    let mut lines = match parity(&held.record().plan, &twins) {
        Parity::Unfit(why) => return Err(StepError::refused(why).into()),
        Parity::Wait(what) => return Ok(waiting(&what)),
        Parity::Fit(lines) => lines,
    };
    let servers = Servers::of(held.call, held.record());
    // The fence first: a rehearsal that was interrupted must not stand while a large table is analyzed.
    lines.push(rehearsal::run(held, &servers).await?);
    if servers.plan.request.way_back == WayBack::ReverseReplication {
        let maintenance = servers.engine().await?.maintenance();
        let session = servers.green(maintenance, Access::AsServed).await?;
        let can = session.can_send_back(servers.plan.databases.len()).await?;
        lines.push(can.map_err(StepError::refused)?);
    }
    Ok(match statistics::gather(held, &servers).await? {
        Gathered::All(line) => prepared(lines.into_iter().chain([line]).collect()),
        Gathered::Some(line) => waiting(&line),
    })
}

/// Blue's instances and green's by resource id, in the plan's order.
async fn twins(rds: &impl Rds, record: &Record) -> Result<Vec<Twins>, Error> {
    let green = record.made_green()?;
    let mut twins = vec![];
    for planned in &record.plan.members {
        let mut members = green.members.iter();
        let Some(member) = members.find(|member| member.blue == planned.instance) else {
            continue;
        };
        let blue = rds.instance(&planned.resource_id).await?;
        let green = rds.instance(&member.resource_id).await?;
        if let (Some(blue), Some(green)) = (blue, green) {
            twins.push(compared(rds, blue, green).await?);
        }
    }
    Ok(twins)
}

async fn compared(rds: &impl Rds, blue: Instance, green: Instance) -> Result<Twins, Error> {
    let of_blue = rds.parameters(&blue.parameter_group).await?;
    let of_green = rds.parameters(&green.parameter_group).await?;
    Ok(Twins {
        parameters: unlike(&of_blue, &of_green),
        blue,
        green,
    })
}
