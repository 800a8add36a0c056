//! Engine versions and parameter groups.

use crate::error::looked;
use aws_sdk_rds::Client;
use aws_sdk_rds::types::DbEngineVersion;
use domain::rds::UpgradeTarget;
use ports::Error;
use std::collections::BTreeMap;

/// What RDS offers: versions and the parameters that come with them.
#[derive(Debug, Clone)]
pub(super) struct Versions {
    client: Client,
}

impl Versions {
    pub(super) const fn new(client: Client) -> Self {
        Self { client }
    }

    /// The versions to which an engine's version can be upgraded.
    pub(super) async fn targets(
        &self,
        engine: &str,
        version: &str,
    ) -> Result<Vec<UpgradeTarget>, Error> {
        let versions = self.described(engine, version).await?;
        let targets = versions
            .iter()
            .flat_map(DbEngineVersion::valid_upgrade_target);
        let targets = targets.map(|target| UpgradeTarget {
            version: target.engine_version().unwrap_or_default().to_owned(),
            major: target.is_major_version_upgrade().unwrap_or_default(),
        });
        Ok(targets.collect())
    }

    /// The parameter group family of an engine's version, such as `postgres17`.
    pub(super) async fn family(
        &self,
        engine: &str,
        version: &str,
    ) -> Result<Option<String>, Error> {
        let versions = self.described(engine, version).await?;
        let first = versions.first();
        Ok(first.and_then(|version| version.db_parameter_group_family().map(str::to_owned)))
    }

    /// An engine's version as RDS knows it, whether or not new instances may still have it.
    async fn described(&self, engine: &str, version: &str) -> Result<Vec<DbEngineVersion>, Error> {
        let call = self
            .client
            .describe_db_engine_versions()
            .engine(engine)
            .engine_version(version)
            .include_all(true);
        let answer = call
            .send()
            .await
            .map_err(looked("asking for an engine's version"))?;
        Ok(answer.db_engine_versions().to_vec())
    }

    /// A parameter group's family, or nothing if there is no such group.
    pub(super) async fn family_of_group(&self, group: &str) -> Result<Option<String>, Error> {
        let call = self
            .client
            .describe_db_parameter_groups()
            .db_parameter_group_name(group);
        match call
            .send()
            .await
            .map_err(looked("describing a parameter group"))
        {
            Ok(answer) => {
                let first = answer.db_parameter_groups().first();
                Ok(first.and_then(|group| group.db_parameter_group_family().map(str::to_owned)))
            }
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The parameters of a group that a person has set.
    pub(super) async fn parameters(&self, group: &str) -> Result<BTreeMap<String, String>, Error> {
        let call = self
            .client
            .describe_db_parameters()
            .db_parameter_group_name(group)
            .source("user");
        let mut pages = call.into_paginator().items().send();
        let mut all = BTreeMap::new();
        while let Some(found) = pages.next().await {
            let found = found.map_err(looked("reading the parameters of a group"))?;
            if let (Some(name), Some(value)) = (found.parameter_name, found.parameter_value) {
                all.insert(name, value);
            }
        }
        Ok(all)
    }
}

fn is_missing(error: &Error) -> bool {
    let code = error.code().unwrap_or_default();
    code.starts_with("DBParameterGroupNotFound")
}
