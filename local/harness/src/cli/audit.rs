//! `local audit`: a finished run, audited once more by what it left behind.

use anyhow::{Context, Result, ensure};
use local::app::audit::{Books, Databases, Report, audit};
use local::app::ledger;
use local::app::schema::Seed;
use local::app::shop::SHOPS;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use tokio_postgres::NoTls;

/// The port of the servers that `start-servers` starts.
const PORT: u16 = 5432;

/// Lets the run's own script start the servers, and this program look into them meanwhile.
pub(super) fn started(run: &Path) -> Result<ExitCode> {
    let shown = run.display();
    let run = run.canonicalize();
    let run = run.with_context(|| format!("there is no run in {shown}"))?;
    let script = run.join("start-servers");
    let left = script.exists();
    ensure!(left, "{shown} is no finished run: it has no start-servers");
    let this = std::env::current_exe().context("finding this program")?;
    let mut audit = Command::new(script);
    let status = audit.arg(this).arg("audit-servers").arg(&run).status()?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}

/// The script names the sockets of who serves, and of who took the writes before.
pub(super) async fn servers(run: &Path) -> Result<ExitCode> {
    let books = Books::of(&ledger::read(&run.join("ledger.tsv"))?);
    let seeds = std::fs::read_to_string(run.join("seeds.json")).context("reading seeds.json")?;
    let seeds: Vec<Seed> = serde_json::from_str(&seeds)?;
    let serving = socket("serving").context("`start-servers` names no server")?;
    let new = databases(&serving).await?;
    let old = match socket("left") {
        Some(left) => Some(databases(&left).await?),
        None => None,
    };
    let report = audit(&books, &seeds, &new, old.as_ref()).await?;
    tell(&report)?;
    Ok(super::code(report.is_clean()))
}

fn socket(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).map(PathBuf::from)
}

async fn databases(socket: &Path) -> Result<Databases> {
    let mut databases = Databases::new();
    for shop in &SHOPS {
        let mut config = tokio_postgres::Config::new();
        config
            .host_path(socket)
            .port(PORT)
            .user(local_rds::postgres::ADMIN)
            .dbname(shop.database);
        let (client, connection) = config
            .connect(NoTls)
            .await
            .with_context(|| format!("entering {}", shop.database))?;
        tokio::spawn(connection);
        databases.insert(shop.database.to_owned(), client);
    }
    Ok(databases)
}

fn tell(report: &Report) -> Result<()> {
    let mut out = std::io::stdout();
    for finding in &report.findings {
        writeln!(
            out,
            "{:?} in {}: {}",
            finding.kind, finding.database, finding.what
        )?;
    }
    let (done, unsure, flaws) = (report.acknowledged, report.unsure, report.findings.len());
    writeln!(
        out,
        "{done} commits acknowledged, {unsure} of unknown outcome, {} rows from before: {flaws} flaws",
        report.seeded
    )?;
    Ok(())
}
