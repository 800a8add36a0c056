//! What the steps share: the call, the lease, the servers, and the parts that switchover and failback have in common
//! (fencing, proof, reverse replication).

mod call;
pub mod fencing;
mod held;
pub mod lag;
pub mod metrics;
pub mod moment;
pub mod reverse;
mod servers;

pub use call::{Call, Laps};
pub use held::{Held, claim, raise_epoch, read};
pub use servers::{Servers, recognized};
