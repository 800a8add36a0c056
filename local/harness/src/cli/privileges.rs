//! `local privileges` and `local iam-table`.

use anyhow::{Result, ensure};
use local_aws::iam::{self, Line};
use local_aws::template::Template;
use local_aws::toolchain::workspace;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::process::ExitCode;

/// What is done with what runs have used of their permissions.
#[derive(Debug, Clone, Copy, clap::Subcommand)]
pub(super) enum Chosen {
    /// Forget it.
    Clear,
    /// Hold it against the template. Exits with 0 only if every permission was used for what it is there, and none was lacking.
    Check,
    /// Show it.
    Show,
}

pub(super) fn run(chosen: Chosen) -> Result<ExitCode> {
    match chosen {
        Chosen::Clear => clear().map(|()| ExitCode::SUCCESS),
        Chosen::Check => check(),
        Chosen::Show => show().map(|()| ExitCode::SUCCESS),
    }
}

/// Prints the page of the documentation.
pub(super) fn table() -> Result<ExitCode> {
    let (all, plain) = (template(&iam::everything())?, template(&BTreeMap::new())?);
    let page = iam::table(&all.roles(), &plain.roles());
    write!(std::io::stdout(), "{page}")?;
    Ok(ExitCode::SUCCESS)
}

fn template(parameters: &BTreeMap<String, String>) -> Result<Template> {
    Template::read(&workspace().join("infra/template.yaml"), parameters)
}

fn clear() -> Result<()> {
    let folder = iam::folder();
    if folder.exists() {
        std::fs::remove_dir_all(folder)?;
    }
    Ok(())
}

fn used() -> Result<BTreeSet<Line>> {
    let folder = iam::folder();
    let used = iam::union(&folder)?;
    ensure!(
        !used.is_empty(),
        "{} is empty: nothing has run since it was cleared",
        folder.display()
    );
    Ok(used)
}

fn check() -> Result<ExitCode> {
    let roles = template(&iam::everything())?.roles();
    let findings = iam::compare(&roles, &used()?);
    let mut out = std::io::stdout();
    write!(out, "permissions in infra/template.yaml\n{findings}")?;
    if findings.is_good() {
        let good = "each was used by some run for what it is there, none was lacking";
        writeln!(out, "{good}")?;
    }
    Ok(super::code(findings.is_good()))
}

fn show() -> Result<()> {
    let mut out = std::io::stdout();
    for line in used()? {
        let statement = line.statement.as_deref().unwrap_or("DENIED");
        let (caller, action, resource) = (line.caller, line.action, line.resource);
        writeln!(out, "{caller:16}  {statement:24}  {action:36}  {resource}")?;
    }
    Ok(())
}
