//! AWS as a step's world.

use crate::alarms::Alarms;
use crate::clock::Clock;
use crate::config::{Config, Need, Unset};
use crate::executions::Executions;
use crate::listeners::Listeners;
use crate::logins::Logins;
use crate::metrics::Metrics;
use crate::notices::Notices;
use crate::parameters::Parameters;
use crate::rds::Rds;
use crate::tokens::TaskTokens;
use crate::upgrades::Upgrades;
use crate::zones::Zones;
use aws_config::{BehaviorVersion, SdkConfig};
use ports::World;
use std::cell::OnceCell;

/// Everything outside of a step, over the AWS SDK. A service's client is made when it is first asked for, so that a function
/// links and starts only what it uses.
pub struct Aws {
    config: Config,
    sdk: SdkConfig,
    upgrades: OnceCell<Upgrades>,
    rds: OnceCell<Rds>,
    alarms: OnceCell<Alarms>,
    task_tokens: OnceCell<TaskTokens>,
    executions: OnceCell<Executions>,
    notices: OnceCell<Notices>,
    zones: OnceCell<Zones>,
    parameters: OnceCell<Parameters>,
    listeners: OnceCell<Listeners>,
    logins: OnceCell<Logins>,
}

impl Aws {
    /// Reads the environment and the SDK's own configuration. `needs` are the settings that not every function has and this one
    /// can't do without.
    ///
    /// # Errors
    ///
    /// Every setting that is missing or can't be read, at once.
    pub async fn load(needs: &[Need]) -> Result<Self, Unset> {
        let config = Config::from_env(needs)?;
        let sdk = aws_config::load_defaults(BehaviorVersion::latest()).await;
        Ok(Self {
            config,
            sdk,
            upgrades: OnceCell::new(),
            rds: OnceCell::new(),
            alarms: OnceCell::new(),
            task_tokens: OnceCell::new(),
            executions: OnceCell::new(),
            notices: OnceCell::new(),
            zones: OnceCell::new(),
            parameters: OnceCell::new(),
            listeners: OnceCell::new(),
            logins: OnceCell::new(),
        })
    }
}

impl World for Aws {
    type Upgrades = Upgrades;
    type Rds = Rds;
    type Alarms = Alarms;
    type TaskTokens = TaskTokens;
    type Executions = Executions;
    type Notices = Notices;
    type Metrics = Metrics;
    type Zones = Zones;
    type Parameters = Parameters;
    type Listeners = Listeners;
    type Names = Logins;
    type Logins = Logins;
    type Clock = Clock;

    fn upgrades(&self) -> &Upgrades {
        let table = &self.config.upgrades_table;
        self.upgrades
            .get_or_init(|| Upgrades::new(&self.sdk, table))
    }

    fn rds(&self) -> &Rds {
        self.rds.get_or_init(|| Rds::new(&self.sdk))
    }

    fn alarms(&self) -> &Alarms {
        self.alarms.get_or_init(|| Alarms::new(&self.sdk))
    }

    fn task_tokens(&self) -> &TaskTokens {
        self.task_tokens.get_or_init(|| TaskTokens::new(&self.sdk))
    }

    fn executions(&self) -> &Executions {
        let machine = &self.config.rollback_machine;
        self.executions
            .get_or_init(|| Executions::new(&self.sdk, machine.clone()))
    }

    fn notices(&self) -> &Notices {
        let topics = &self.config.topics;
        self.notices
            .get_or_init(|| Notices::new(&self.sdk, topics.clone()))
    }

    fn metrics(&self) -> &Metrics {
        &Metrics
    }

    fn zones(&self) -> &Zones {
        self.zones.get_or_init(|| Zones::new(&self.sdk))
    }

    fn parameters(&self) -> &Parameters {
        self.parameters.get_or_init(|| Parameters::new(&self.sdk))
    }

    fn listeners(&self) -> &Listeners {
        self.listeners.get_or_init(|| Listeners::new(&self.sdk))
    }

    fn names(&self) -> &Logins {
        self.logins()
    }

    fn logins(&self) -> &Logins {
        let (prefix, nameserver) = (&self.config.credentials_prefix, self.config.nameserver);
        self.logins
            .get_or_init(|| Logins::new(&self.sdk, prefix, nameserver))
    }

    fn clock(&self) -> &Clock {
        &Clock
    }

    fn record_ttl(&self) -> u32 {
        self.config.record_ttl_seconds
    }
}
