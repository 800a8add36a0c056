//! Who is called what after a switchover: blue's `orders` becomes `orders-old1`, green's `orders-green-abc123` `orders`.

use crate::Rds;
use crate::model::{Deployment, State};
use crate::names::host_name;
use anyhow::Context as _;

/// New names for instances, all given at once.
#[derive(Debug, Clone)]
pub struct Renames(Vec<Rename>);

#[derive(Debug, Clone)]
struct Rename {
    resource_id: String,
    from: String,
    to: String,
}

impl Rename {
    fn new(resource_id: &str, from: &str, to: &str) -> Self {
        Self {
            resource_id: resource_id.to_owned(),
            from: from.to_owned(),
            to: to.to_owned(),
        }
    }
}

impl Renames {
    /// The new names of all members of a deployment.
    pub fn plan(state: &State, deployment: &Deployment) -> anyhow::Result<Self> {
        let mut renames = Vec::new();
        for member in &deployment.members {
            let blue = state.name_of(&member.blue).context("blue is gone")?;
            let green = state.name_of(&member.green).context("green is gone")?;
            renames.push(Rename::new(&member.blue, blue, &old_name(state, blue)));
            renames.push(Rename::new(&member.green, green, blue));
        }
        Ok(Self(renames))
    }

    /// The way back.
    pub fn reversed(&self) -> Self {
        let back = |it: &Rename| Rename::new(&it.resource_id, &it.to, &it.from);
        Self(self.0.iter().map(back).collect())
    }

    /// Certificates that are good before and after, so that none is made in between.
    pub fn certificates(&self) -> Vec<(String, Vec<String>)> {
        self.hosts(|rename| vec![host_name(&rename.to), host_name(&rename.from)])
    }

    /// Certificates for the new names alone.
    pub fn new_names(&self) -> Vec<(String, Vec<String>)> {
        self.hosts(|rename| vec![host_name(&rename.to)])
    }

    fn hosts(&self, names: impl Fn(&Rename) -> Vec<String>) -> Vec<(String, Vec<String>)> {
        let renames = self.0.iter();
        renames
            .map(|it| (it.resource_id.clone(), names(it)))
            .collect()
    }
}

/// The first of `-old1`, `-old2`, … that nobody has.
fn old_name(state: &State, blue: &str) -> String {
    let names = (1..).map(|number| format!("{blue}-old{number}"));
    let mut free = names.filter(|name| state.instance(name).is_err());
    free.next().unwrap_or_default()
}

impl Rds {
    /// Gives the new names: in the books and in DNS. Doing it twice changes nothing.
    pub(super) fn apply_renames(&self, renames: &Renames) {
        let mut state = self.state();
        for rename in &renames.0 {
            let Some(instance) = state.instances.get_mut(&rename.resource_id) else {
                continue;
            };
            instance.name.clone_from(&rename.to);
            if let Some(server) = &instance.server {
                self.publish_name(&rename.to, server);
            }
        }
        let taken = |name: &str| renames.0.iter().any(|rename| rename.to == name);
        for rename in renames.0.iter().filter(|rename| !taken(&rename.from)) {
            self.retract_name(&rename.from);
        }
    }
}
