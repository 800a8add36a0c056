//! Who is called what after a switchover: blue's `orders` becomes `orders-old1`, green's `orders-green-abc123` `orders`.

use crate::Rds;
use crate::fault::Fault;
use crate::model::{Deployment, Instance, State};

/// A new name for an instance; all of a deployment's are given at once.
#[derive(Debug, Clone)]
pub struct Rename {
    /// Whose.
    pub resource_id: String,
    /// Its name so far.
    pub from: String,
    /// Its name from then on.
    pub to: String,
}

/// The new names of all members of a deployment.
pub fn plan(state: &State, deployment: &Deployment) -> Result<Vec<Rename>, Fault> {
    let mut renames = Vec::new();
    let mut rename = |instance: &Instance, to: String| {
        renames.push(Rename {
            resource_id: instance.resource_id.clone(),
            from: instance.name.clone(),
            to,
        });
    };
    for member in &deployment.members {
        let (blue, green) = (state.by_id(&member.blue)?, state.by_id(&member.green)?);
        rename(blue, old_name(state, &blue.name));
        rename(green, blue.name.clone());
    }
    Ok(renames)
}

/// The way back.
pub fn reversed(renames: &[Rename]) -> Vec<Rename> {
    let mut back = renames.to_vec();
    for rename in &mut back {
        std::mem::swap(&mut rename.from, &mut rename.to);
    }
    back
}

/// The first of `-old1`, `-old2`, … that no instance has.
fn old_name(state: &State, blue: &str) -> String {
    let names = (1..).map(|number| format!("{blue}-old{number}"));
    let mut free = names.filter(|name| state.instance(name).is_err());
    free.next().unwrap_or_default()
}

impl Rds {
    /// Gives the new names: in the books and in DNS. Doing it twice changes nothing.
    pub(super) fn apply_renames(&self, renames: &[Rename]) {
        let mut state = self.state();
        for rename in renames {
            let Some(instance) = state.instances.get_mut(&rename.resource_id) else {
                continue;
            };
            instance.name.clone_from(&rename.to);
            if let Some(server) = &instance.server {
                self.publish_name(&rename.to, server);
            }
        }
        let taken = |name: &str| renames.iter().any(|rename| rename.to == name);
        for rename in renames.iter().filter(|rename| !taken(&rename.from)) {
            self.retract_name(&rename.from);
        }
    }
}
