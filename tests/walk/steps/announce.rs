//! What the machines tell people.

use crate::call::Call;
use crate::faults::Fault;
use crate::world::{Fallible, transient};
use domain::announce::{Input, Output, notice, told};

/// Tells people.
pub async fn run(call: &Call, input: Input) -> Fallible<Output> {
    if call.world.borrow_mut().strikes(Fault::NoticeFailed) {
        return transient("SNS does not answer");
    }
    call.publish(None).await?;
    Ok(told(&notice(&input)))
}
