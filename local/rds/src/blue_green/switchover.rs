//! `SwitchoverBlueGreenDeployment`: blue's names go to green, and with them the writes; or everything stays as it was.

use super::renames::{self, Rename};
use super::{Breakage, Pair};
use crate::Rds;
use crate::fault::Fault;
use crate::model::{DeploymentStatus, MemberStatus};
use crate::names::host_name;
use crate::postgres::crossing::Crossing;
use crate::postgres::{Server, link};
use crate::wire::{Form, Xml};
use anyhow::{Context as _, anyhow, bail};
use futures_util::future::{FutureExt as _, join, try_join, try_join_all};
use local_aws::words::word;
use std::time::Duration;
use tokio::time::{Instant, timeout, timeout_at};
use tracing::debug;

/// Green must catch up with blue in this time before blue is stopped; otherwise its lag would lengthen the pause.
const LEVEL: Duration = Duration::from_secs(10);

/// A switchover between its preparation and its end.
struct Attempt {
    id: String,
    pairs: Vec<Pair>,
    renames: Vec<Rename>,
    crossing: Crossing,
}

impl Attempt {
    fn replicas(&self) -> Vec<Server> {
        let replicas = self.pairs.iter().skip(1);
        let servers = replicas.flat_map(|pair| [pair.blue.clone(), pair.green.clone()]);
        servers.collect()
    }
}

async fn end_sessions(servers: &[Server]) -> anyhow::Result<()> {
    let ends = servers.iter().map(Server::drop_sessions);
    try_join_all(ends).await.map(drop)
}

impl Rds {
    /// `SwitchoverBlueGreenDeployment`.
    pub(crate) fn switch_over(&self, mut form: Form) -> Result<Xml, Fault> {
        let id = form.required("BlueGreenDeploymentIdentifier")?;
        let seconds = form.parsed("SwitchoverTimeout")?.unwrap_or(300);
        if !(30..=3600).contains(&seconds) {
            return Err(Fault::invalid_value(format!(
                "Invalid value {seconds} for SwitchoverTimeout. Must be between 30 and 3600"
            )));
        }
        form.end()?;
        {
            let mut state = self.state();
            let deployment = state.deployment_mut(&id)?;
            if !deployment.status.is_ready() {
                return Err(Fault::deployment_state(format!(
                    "Blue/green deployment {id} can't be switched over: its status is {}.",
                    word(deployment.status)
                )));
            }
            deployment.status = DeploymentStatus::SwitchoverInProgress;
            deployment.details = None;
            deployment.set_members(MemberStatus::SwitchoverInProgress);
        }
        self.tell_of(&id, "RDS-EVENT-0247", "Switchover started.");
        let view = self.deployment_view(&id);
        let deadline = Instant::now() + Duration::from_secs(seconds);
        let rds = self.clone();
        tokio::spawn(async move { rds.run_switchover(&id, deadline).await });
        view
    }

    async fn run_switchover(&self, id: &str, deadline: Instant) {
        let late = || anyhow!("the switchover timeout is over");
        let approach = timeout_at(deadline, self.approach(id)).await;
        let attempt = match approach.unwrap_or_else(|_| Err(late())) {
            Ok(attempt) => attempt,
            Err(error) => return self.call_off(id, &error),
        };
        let crossed = timeout_at(deadline, self.cross(&attempt)).await;
        match crossed.unwrap_or_else(|_| Err(late())) {
            Ok(()) => self.hand_over(&attempt).await,
            Err(error) => self.take_back(&attempt, &error).await,
        }
    }

    /// Everything that can be done while blue serves: guardrails, certificates, sessions.
    async fn approach(&self, id: &str) -> anyhow::Result<Attempt> {
        let (deployment, pairs) = (self.deployment(id)?, self.pairs(id)?);
        if let Some(obstacle) = self.obstacle(&deployment, &pairs).await? {
            bail!("{obstacle}");
        }
        tokio::time::sleep(self.delays().switchover_checks).await;
        let renames = renames::plan(&self.state(), &deployment)?;
        // Good before and after, so that none is made in between.
        self.certify(&renames, |it| vec![host_name(&it.to), host_name(&it.from)])
            .await?;
        let crossing = Crossing::open(&pairs[0].blue, &pairs[0].green, &deployment.links).await?;
        let level = timeout(LEVEL, crossing.catch_up()).await;
        level.context("replication lags too far behind")??;
        Ok(Attempt {
            id: id.to_owned(),
            pairs,
            renames,
            crossing,
        })
    }

    /// No side takes writes, and green catches up. All of this can be taken back. Sessions on replicas end before blue is
    /// closed: those servers have processors of their own on RDS, and share them with all other servers here. That no client
    /// comes back is seen to by blue's fence, which is theirs as well.
    async fn cross(&self, attempt: &Attempt) -> anyhow::Result<()> {
        let (crossing, primary) = (&attempt.crossing, &attempt.pairs[0]);
        try_join(crossing.close_green(), end_sessions(&attempt.replicas())).await?;
        self.protect(primary.green.id(), false).await?;
        debug!("green is closed, and will take writes");
        crossing.close_blue().await?;
        debug!("blue is closed");
        tokio::time::sleep(self.delays().switchover_pause).await;
        self.check_breakage(Breakage::Switchover)?;
        let protected = self.protect(primary.blue.id(), true);
        try_join(crossing.carry_over(), protected).await?;
        debug!("green is level");
        Ok(())
    }

    /// Green serves under blue's name, and old opens again, for readers. From here on there is no way back, and no timeout:
    /// with green open, blue must stay closed to writes whatever happens.
    async fn hand_over(&self, attempt: &Attempt) {
        self.apply_renames(&attempt.renames);
        let crossing = &attempt.crossing;
        let green = crossing.open_green(&attempt.pairs[0].green);
        let old = crossing.open_blue();
        let green = green.inspect(|_| debug!("green is open"));
        let (green, old) = join(green, old).await;
        for error in [green.err(), old.err()].into_iter().flatten() {
            tracing::error!(deployment = attempt.id, "after a switchover: {error:#}");
        }
        tokio::time::sleep(self.delays().switchover_end).await;
        self.complete(attempt);
        debug!("completed");
        self.tell_of(&attempt.id, "RDS-EVENT-0248", "Switchover completed.");
        tokio::time::sleep(self.delays().switchover_rest).await;
        if let Err(error) = self.tidy(attempt).await {
            tracing::warn!(deployment = attempt.id, "not tidied up: {error:#}");
        }
    }

    /// Notes the end: tags, members, deployment.
    fn complete(&self, attempt: &Attempt) {
        let mut state = self.state();
        for pair in &attempt.pairs {
            let blue = state.instances.get(pair.blue.id());
            let tags = blue.map(|blue| blue.tags.clone());
            if let (Some(green), Some(tags)) = (state.instances.get_mut(pair.green.id()), tags) {
                green.tags = tags;
            }
        }
        if let Ok(deployment) = state.deployment_mut(&attempt.id) {
            deployment.set_members(MemberStatus::SwitchoverCompleted);
            deployment.status = DeploymentStatus::SwitchoverCompleted;
        }
    }

    /// What no caller waits for: the forward link, sessions that were let into an old replica while the fence was still on
    /// its way there, and names that lead elsewhere now.
    async fn tidy(&self, attempt: &Attempt) -> anyhow::Result<()> {
        attempt.crossing.cut().await?;
        let old = attempt.pairs.iter().skip(1);
        let old: Vec<Server> = old.map(|pair| pair.blue.clone()).collect();
        end_sessions(&old).await?;
        let publication = self.deployment(&attempt.id)?.publication();
        link::unpublish(&attempt.pairs[0].blue, &publication).await?;
        self.certify(&attempt.renames, |it| vec![host_name(&it.to)])
            .await
    }

    /// Nothing was changed: the deployment is as it was.
    fn call_off(&self, id: &str, error: &anyhow::Error) {
        let message = format!("Switchover was canceled: {error:#}");
        self.update(id, |deployment| {
            deployment.status = DeploymentStatus::Available;
            deployment.details = Some(message.clone());
            deployment.set_members(MemberStatus::Available);
        });
        self.tell_of(id, "RDS-EVENT-0249", message);
    }

    /// Blue takes writes again, before anything else; green is read-only again.
    async fn take_back(&self, attempt: &Attempt, error: &anyhow::Error) {
        let message = format!("Switchover failed and was taken back: {error:#}");
        let blue = async {
            self.protect(attempt.pairs[0].blue.id(), false).await?;
            attempt.crossing.open_blue().await
        };
        if let Err(error) = blue.await {
            tracing::error!(deployment = attempt.id, "blue stays closed: {error:#}");
        }
        self.apply_renames(&renames::reversed(&attempt.renames));
        let green = async {
            self.protect(attempt.pairs[0].green.id(), true).await?;
            attempt.crossing.open_green(&attempt.pairs[0].green).await
        };
        if let Err(error) = green.await {
            tracing::error!(deployment = attempt.id, "green stays closed: {error:#}");
        }
        self.update(&attempt.id, |deployment| {
            deployment.status = DeploymentStatus::SwitchoverFailed;
            deployment.details = Some(message.clone());
            deployment.set_members(MemberStatus::SwitchoverFailed);
        });
        self.tell_of(&attempt.id, "RDS-EVENT-0249", message);
    }

    /// Sets or lifts an instance's protection from writes, as far as a parameter protects. Returns when new sessions see it.
    pub(super) async fn protect(&self, resource_id: &str, read_only: bool) -> anyhow::Result<()> {
        let changed = match self.state().instances.get_mut(resource_id) {
            Some(instance) => std::mem::replace(&mut instance.read_only, read_only) != read_only,
            None => false,
        };
        if changed {
            self.apply_parameters(resource_id).await?;
        }
        Ok(())
    }

    async fn certify(
        &self,
        renames: &[Rename],
        names: fn(&Rename) -> Vec<String>,
    ) -> anyhow::Result<()> {
        let issue = renames.iter().map(|rename| async move {
            let server = self.running(&rename.resource_id)?;
            server.set_names(&names(rename)).await
        });
        try_join_all(issue).await.map(drop)
    }
}
