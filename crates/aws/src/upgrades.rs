//! The table of upgrades in DynamoDB: one item per database, each write conditional on owner and epoch.
//!
//! A claim has no TTL; only the record of an upgrade that has ended does.

mod item;
mod update;

use crate::error::{acted, looked};
use aws_config::SdkConfig;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::ReturnValue;
use domain::ids::Database;
use domain::record::Record;
use item::text;
use ports::{Error, Item, Write};
use update::Update;

/// The table of upgrades.
#[derive(Debug, Clone)]
pub struct Upgrades {
    client: Client,
    table: String,
}

impl Upgrades {
    pub(crate) fn new(config: &SdkConfig, table: &str) -> Self {
        Self {
            client: Client::new(config),
            table: table.to_owned(),
        }
    }
}

impl ports::Upgrades for Upgrades {
    async fn read(&self, database: &Database) -> Result<Option<Item>, Error> {
        let found = self
            .client
            .get_item()
            .table_name(&self.table)
            .key(item::DATABASE, text(database.as_str()))
            .consistent_read(true)
            .send()
            .await
            .map_err(looked("reading the upgrade's record"))?;
        found.item().map(item::read).transpose()
    }

    async fn all(&self) -> Result<Vec<Item>, Error> {
        let mut items = self
            .client
            .scan()
            .table_name(&self.table)
            .consistent_read(true)
            .into_paginator()
            .items()
            .send();
        let mut all = Vec::new();
        while let Some(attributes) = items.next().await {
            let attributes = attributes.map_err(looked("reading the table of upgrades"))?;
            all.push(item::read(&attributes)?);
        }
        Ok(all)
    }

    async fn write(&self, write: Write<'_>) -> Result<Option<Record>, Error> {
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .key(item::DATABASE, text(write.database().as_str()))
            .return_values(ReturnValue::AllNew);
        match Update::of(&write)?.into_request(update).send().await {
            Ok(written) => {
                let attributes = written.attributes().cloned().unwrap_or_default();
                Ok(Some(item::read(&attributes)?.record))
            }
            Err(failed) if is_condition(&failed) => Ok(None),
            Err(failed) => Err(acted(write.doing())(failed)),
        }
    }
}

fn is_condition<R>(failed: &SdkError<UpdateItemError, R>) -> bool {
    failed
        .as_service_error()
        .is_some_and(UpdateItemError::is_conditional_check_failed_exception)
}
