//! What the writers of one database share: a pool that opens one connection at a time, as pools commonly do, so that a
//! closed server is tried by one client and not by all of them.

use std::sync::Arc;
use tokio::sync::{Mutex, OwnedMutexGuard};

/// Lets one writer after the other open a connection.
#[derive(Debug, Clone, Default)]
pub(super) struct Pool(Arc<Mutex<()>>);

impl Pool {
    /// Waits for one's turn, which lasts as long as what is returned: until a connection stands.
    pub(super) async fn turn(&self) -> OwnedMutexGuard<()> {
        Arc::clone(&self.0).lock_owned().await
    }
}
