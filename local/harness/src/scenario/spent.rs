//! What an upgrade used of what AWS bills by use.

use super::world::World;
use anyhow::Result;
use asl::history::Fact;
use asl::interpreter::Execution;
use local_aws::calls::Record;
use local_aws::lambda::Measured;
use serde::Serialize;
use serde_json::json;

/// The function that a schedule calls every minute, whether there is an upgrade or not.
const SWEEP: &str = "sweep";

/// What all executions of a run used, those of the rollback machine among them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Spent {
    /// States that were entered, by which Step Functions bills.
    pub transitions: u64,
    /// Events in the longest history of an execution.
    pub longest_history: u64,
    /// Messages that were published, to people's topic and to the chat's.
    pub publishes: u64,
    /// Bytes of the upgrade's record at the end, by which DynamoDB bills reads and writes.
    pub record_bytes: u64,
    /// What the functions used that the machines and the rules call.
    pub steps: Usage,
    /// What `sweep` used.
    pub sweeps: Usage,
}

/// What functions used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Usage {
    /// Invocations that were answered.
    pub invocations: u64,
    /// Memory by billed time, in GB-seconds, as fast as this machine is.
    pub gb_seconds: f64,
    /// Calls that read the table.
    pub reads: u64,
    /// Calls that write to it.
    pub writes: u64,
}

pub(super) async fn of(world: &World) -> Result<Spent> {
    let platform = &world.platform;
    let executions = platform.states.executions();
    let histories: Vec<_> = executions.iter().map(Execution::history).collect();
    let entered = |fact: &Fact| matches!(fact, Fact::StateEntered { .. });
    let transitions = histories.iter().copied().flatten();
    let transitions = transitions.filter(|event| entered(&event.fact)).count();
    let longest = histories.iter().map(|history| history.len()).max();
    let (calls, measured) = (platform.calls().all(), platform.lambda.measured());
    let functions = platform.template.functions.iter();
    let functions = functions.map(|function| function.binary.as_str());
    let steps: Vec<&str> = functions.filter(|function| *function != SWEEP).collect();
    Ok(Spent {
        transitions: transitions as u64,
        longest_history: longest.unwrap_or_default() as u64,
        publishes: platform.calls().of("sns", "Publish").len() as u64,
        record_bytes: record_bytes(world).await?,
        steps: usage(&calls, &measured, |function| steps.contains(&function)),
        sweeps: usage(&calls, &measured, |function| function == SWEEP),
    })
}

fn usage(calls: &[Record], measured: &[Measured], counts: impl Fn(&str) -> bool) -> Usage {
    let measured = measured.iter().filter(|one| counts(&one.function));
    let calls = calls
        .iter()
        .filter(|call| call.service == "dynamodb" && counts(&call.caller));
    let mut usage = Usage::default();
    for one in measured {
        usage.invocations += 1;
        usage.gb_seconds += one.gb_seconds();
    }
    for call in calls {
        match call.operation.as_str() {
            "GetItem" | "Scan" => usage.reads += 1,
            "UpdateItem" => usage.writes += 1,
            _ => {}
        }
    }
    usage
}

/// The length of the largest item's JSON: DynamoDB counts names and values, and little else.
async fn record_bytes(world: &World) -> Result<u64> {
    let client = world.platform.client();
    let mut largest = 0;
    for table in &world.platform.template.tables {
        let scan = json!({"TableName": table["TableName"]});
        let found = client
            .json("dynamodb", "DynamoDB_20120810.Scan", &scan)
            .await?;
        let items = found["Items"].as_array().into_iter().flatten();
        let sizes = items.map(|item| item.to_string().len());
        largest = largest.max(sizes.max().unwrap_or_default());
    }
    Ok(largest as u64)
}
