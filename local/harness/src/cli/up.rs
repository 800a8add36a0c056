//! `local up`: everything runs, and a person does what there is to do.

use super::{Up, interrupted, log_to};
use anyhow::Result;
use local::app::{Application, PASSWORD};
use local::routes::Route;
use local::scenario::runs;
use local::scenario::world::{Plan, World};
use local::shop::{DATABASE, OURS};
use local_aws::clock::Clock;
use local_aws::toolchain::workspace;
use local_rds::host_name;
use std::io::Write as _;
use std::process::ExitCode;

pub(super) async fn run(up: &Up) -> Result<ExitCode> {
    let settings = up.load.settings();
    let folder = match &up.folder {
        Some(folder) => folder.clone(),
        None => runs::begin("up")?,
    };
    std::fs::create_dir_all(&folder)?;
    log_to(&folder)?;
    let plan = Plan {
        folder: folder.clone(),
        clock: Clock::scaled(up.scale),
        profile: up.load.profile(),
        version: "16.14",
        rows: settings.rows,
        route: Route::Weighted,
    };
    let work = async {
        let world = World::create(&plan, &|what| eprintln!("{what}")).await?;
        let application =
            Application::start(&world.doors, &settings, &folder.join("ledger.tsv")).await?;
        let ca = folder.join("ca.pem");
        std::fs::write(&ca, world.platform.host.authority.ca_pem())?;
        writeln!(
            std::io::stdout(),
            "{}",
            guide(&world, &ca.display().to_string())
        )?;
        anyhow::Ok((world, application))
    };
    let (world, application) = tokio::select! {
        made = work => made?,
        stopped = interrupted() => return stopped.map(|()| ExitCode::from(130)),
    };
    interrupted().await?;
    eprintln!("stopping everything that was started");
    application.stop().await?;
    world.platform.stop().await?;
    Ok(ExitCode::SUCCESS)
}

/// What a person types in another terminal.
fn guide(world: &World, ca: &str) -> String {
    let exports = world.platform.exports();
    let exports: Vec<String> = exports
        .iter()
        .map(|(name, value)| format!("export {name}={value}"))
        .collect();
    let machine = world.platform.template.machine("UpgradeMachine");
    let machine = machine
        .map(|machine| machine.arn.clone())
        .unwrap_or_default();
    let aws = world.platform.host.toolchain.aws().display().to_string();
    let address = world.blue.address();
    let psql = workspace()
        .join(".local/toolchain/pg/16.14/bin/psql")
        .display()
        .to_string();
    let socket = world.blue.socket().display().to_string();
    let writer = host_name(DATABASE);
    format!(
        r#"
In another terminal:

  {exports}
  alias aws={aws}

Upgrade it, look at the execution, abort it:

  aws stepfunctions start-execution --state-machine-arn {machine} --name first \
    --input '{{"database":"{DATABASE}","target_version":"18.4","bake_minutes":5,"watch_hours":1}}'
  aws stepfunctions list-executions --state-machine-arn {machine}
  aws stepfunctions get-execution-history --execution-arn EXECUTION --query 'events[].[timestamp,type]' --output text
  aws stepfunctions stop-execution --execution-arn EXECUTION

Look at the databases, make one of your own:

  aws rds describe-db-instances --query 'DBInstances[].[DBInstanceIdentifier,EngineVersion,DBInstanceStatus]' --output text
  aws rds create-db-instance --db-instance-identifier mine --db-instance-class db.r6g.large --engine postgres \
    --engine-version 16.14 --master-username me --master-user-password only-mine-1 --allocated-storage 20 --db-name mine

Enter it as its master user by TLS, with any psql (the name is known to the platform's nameserver, {nameserver}, only),
or as RDS's superuser by the socket:

  PGPASSWORD={PASSWORD} psql 'host={writer} hostaddr={ip} port={port} user={OURS} dbname={DATABASE} sslmode=verify-full sslrootcert={ca}'
  {psql} -h {socket} -p {port} -U rdsadmin {DATABASE}

With boto3, the exports are enough: boto3.client("rds").describe_db_instances()

Ctrl-C stops everything."#,
        exports = exports.join("\n  "),
        nameserver = world.platform.nameserver_address,
        ip = address.ip(),
        port = address.port(),
    )
}
