//! Where the programs are that the local platform starts: PostgreSQL's and Python's. `toolchain/setup` puts them there.

use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};

/// The folder of installed programs, `.local/toolchain`.
#[derive(Clone, Debug)]
pub struct Toolchain {
    root: PathBuf,
}

/// One version of PostgreSQL: servers and client tools in one folder.
#[derive(Clone, Debug)]
pub struct PgInstall {
    version: String,
    root: PathBuf,
}

impl Toolchain {
    /// The toolchain of this working copy.
    ///
    /// # Errors
    /// When it was never set up.
    pub fn find() -> Result<Self> {
        let root = workspace().join(".local/toolchain");
        ensure!(
            root.join("pg").is_dir(),
            "PostgreSQL is not set up in {}: run `make toolchain`",
            root.display()
        );
        Ok(Self { root })
    }

    /// PostgreSQL of exactly that version, e.g. `16.14`.
    ///
    /// # Errors
    /// When that version is not installed; the message names those that are.
    pub fn postgres(&self, version: &str) -> Result<PgInstall> {
        let root = self.root.join("pg").join(version);
        ensure!(
            root.join("bin/postgres").exists(),
            "PostgreSQL {version} is not installed; there are: {}",
            self.versions().join(", ")
        );
        Ok(PgInstall {
            version: version.to_owned(),
            root,
        })
    }

    /// The PostgreSQL versions that are installed, ascending.
    #[must_use]
    pub fn versions(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.root.join("pg"));
        let entries = entries.into_iter().flatten().flatten();
        let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
        let mut found: Vec<String> = names.collect();
        found.retain(|version| version.starts_with(|first: char| first.is_ascii_digit()));
        found.sort_by_key(|version| numbers(version));
        found
    }

    /// The Python interpreter of the pinned environment, which has boto3.
    #[must_use]
    pub fn python(&self) -> PathBuf {
        self.root.join("venv/bin/python")
    }

    /// The `aws` CLI, which `toolchain/setup aws` installs.
    #[must_use]
    pub fn aws(&self) -> PathBuf {
        self.root.join("venv-aws/bin/aws")
    }
}

impl PgInstall {
    /// For instance `16.14`.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The number before the dot.
    #[must_use]
    pub fn major(&self) -> u32 {
        numbers(&self.version).first().copied().unwrap_or_default()
    }

    /// The folder of all programs.
    #[must_use]
    pub fn bin(&self) -> PathBuf {
        self.root.join("bin")
    }

    /// One program, e.g. `pg_basebackup`.
    #[must_use]
    pub fn program(&self, name: &str) -> PathBuf {
        self.bin().join(name)
    }
}

/// The root of this working copy.
#[must_use]
pub fn workspace() -> &'static Path {
    let local = Path::new(env!("CARGO_MANIFEST_DIR"));
    local.ancestors().nth(2).unwrap_or(local)
}

fn numbers(version: &str) -> Vec<u32> {
    let parts = version.split('.');
    parts.filter_map(|part| part.parse().ok()).collect()
}
