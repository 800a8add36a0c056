//! Lambda, CloudWatch and the bus behind a gateway, without moto and PostgreSQL.

use anyhow::{Context as _, Result, bail};
use local_aws::calls::CallLog;
use local_aws::clock::Clock;
use local_aws::cloudwatch::CloudWatch;
use local_aws::events::Events;
use local_aws::faults::Faults;
use local_aws::gateway::Gateway;
use local_aws::gateway::server::{self, Listening};
use local_aws::keeper::Keeper;
use local_aws::lambda::{Function, Lambda, Outcome};
use local_aws::network::Network;
use local_aws::template::{Input, Rule, RuleTarget};
use local_aws::toolchain::Toolchain;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;
use tests::{run_folder, wait};

pub struct Stage {
    pub gateway: Gateway,
    pub lambda: Lambda,
    pub events: Events,
    pub keeper: Keeper,
    pub endpoint: String,
    _listening: Listening,
}

impl Stage {
    /// A stage with the function `subject` and `broken`, which can't start. A rule sends alarms to `subject`.
    pub fn new(test: &str) -> Result<Self> {
        // Longer than any of the tests takes.
        Self::hurried(test, Duration::from_mins(10))
    }

    /// A stage where `subject` may take so long.
    pub fn hurried(test: &str, timeout: Duration) -> Result<Self> {
        let network = Network::claim()?;
        let keeper = Keeper::start(&run_folder(test))?;
        let endpoint = format!("http://{}", network.gateway());
        let calls = CallLog::kept_in(&keeper.folder().join("calls.jsonl"))?;
        let gateway = Gateway::new(calls, Faults::default());
        let record = keeper.folder().join("event.json").display().to_string();
        let functions = vec![
            function("subject", timeout, ("SUBJECT_RECORD", &record)),
            function("broken", timeout, ("SUBJECT_CANT_START", "yes")),
        ];
        let lambda = Lambda::new(functions, &endpoint, Clock::REAL, keeper.clone());
        let events = Events::new(vec![rule()], gateway.clone(), Clock::scaled(100.0));
        gateway.route("lambda", Arc::new(lambda.clone()));
        gateway.kill_among(Arc::new(lambda.clone()));
        gateway.route("events", Arc::new(events.clone()));
        gateway.route("monitoring", Arc::new(CloudWatch::new(events.clone())));
        let listener = network.gateway_listener()?;
        let listening = server::serve(listener, gateway.clone(), lambda.runtime_api())?;
        Ok(Self {
            gateway,
            lambda,
            events,
            keeper,
            endpoint,
            _listening: listening,
        })
    }

    pub fn folder(&self) -> &Path {
        self.keeper.folder()
    }

    pub async fn invoke(&self, payload: Value) -> Result<Outcome> {
        let payload = payload.to_string().into();
        Ok(self.lambda.invoke("subject", payload).await?)
    }

    /// Waits until so many invocations of `subject` run.
    pub async fn until_running(&self, count: usize) -> Result<()> {
        let running = async || Ok(self.lambda.running("subject") == count);
        wait("invocations that run", running).await
    }

    /// The event that `subject` got.
    pub async fn recorded(&self) -> Result<Value> {
        let path = self.folder().join("event.json");
        wait("an event", async || Ok(path.exists())).await?;
        Ok(serde_json::from_slice(&std::fs::read(path)?)?)
    }

    pub async fn end(self) -> Result<()> {
        self.lambda.stop().await;
        self.gateway.close();
        self.keeper.end().await
    }
}

/// The error type of a function that must have failed, and its message.
pub fn failure(outcome: &Outcome) -> (String, String) {
    let Outcome::Failed(payload) = outcome else {
        panic!("it returned: {outcome:?}")
    };
    let value: Value = serde_json::from_slice(payload).unwrap_or_default();
    let text = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
    (text("errorType"), text("errorMessage"))
}

/// What a script prints as JSON; `boto3` and `json` are imported, and `client(service)` makes a client without retries.
pub async fn python(endpoint: &str, script: &str) -> Result<Value> {
    let prelude = "import json, boto3\nfrom botocore.config import Config\nfrom botocore.exceptions import ClientError\n\
        def client(service):\n    return boto3.client(service, config=Config(retries={'total_max_attempts': 1}))\n";
    let mut command = Command::new(Toolchain::find()?.python());
    command
        .args(["-c", &format!("{prelude}{script}")])
        .env("AWS_ENDPOINT_URL", endpoint)
        .env("AWS_DEFAULT_REGION", local_aws::REGION)
        .env("AWS_ACCESS_KEY_ID", "person")
        .env("AWS_SECRET_ACCESS_KEY", "local");
    let output = tokio::task::spawn_blocking(move || command.output()).await??;
    if !output.status.success() {
        bail!("{}", String::from_utf8_lossy(&output.stderr));
    }
    serde_json::from_slice(&output.stdout)
        .with_context(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

fn function(name: &str, timeout: Duration, variable: (&str, &str)) -> Function {
    Function {
        name: name.to_owned(),
        binary: PathBuf::from(env!("CARGO_BIN_EXE_subject")),
        timeout,
        memory_mb: 256,
        environment: vec![(variable.0.to_owned(), variable.1.to_owned())],
    }
}

fn rule() -> Rule {
    Rule {
        name: "Alarms".to_owned(),
        pattern: json!({"source": ["aws.cloudwatch"], "detail": {"state": {"value": ["ALARM"]}}}),
        targets: vec![RuleTarget {
            id: "subject".to_owned(),
            arn: format!("{}:1", local_aws::lambda::arn("subject")),
            role: None,
            input: Input::Event,
            retries: 20,
        }],
    }
}
