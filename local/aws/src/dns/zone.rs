//! A zone's records, as Route 53 lists them.

use crate::xml;
use anyhow::{Context as _, Result};
use std::collections::HashMap;
use std::net::Ipv4Addr;

/// One record of a zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Whose record it is.
    pub name: String,
    /// Where the name leads.
    pub target: Target,
    /// For how many seconds that may be kept.
    pub ttl: u32,
    /// Its share among the records of its name; a simple record has none.
    pub weight: Option<u64>,
}

/// Where a name leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// To an address.
    Address(Ipv4Addr),
    /// To another name.
    Name(String),
}

/// All records of a zone, by name.
#[derive(Debug, Default)]
pub(super) struct Zone {
    records: HashMap<String, Vec<Record>>,
}

impl Zone {
    pub(super) fn new(records: Vec<Record>) -> Self {
        let mut zone = Self::default();
        for record in records {
            let name = super::canonical(&record.name);
            let records = zone.records.entry(name.clone()).or_default();
            records.push(Record { name, ..record });
        }
        zone
    }

    /// Whether the name has records, or names below it have.
    pub(super) fn has(&self, name: &str) -> bool {
        self.records.keys().any(|known| super::is_in(known, name))
    }

    /// One of the name's records, by weight. If all weights are 0, all have the same share, as in Route 53.
    pub(super) fn pick(&self, name: &str, draw: &mut dyn FnMut(u64) -> u64) -> Option<&Record> {
        let records = self.records.get(name)?;
        let weights = records.iter().map(|record| record.weight.unwrap_or(1));
        let total: u64 = weights.clone().sum();
        if total == 0 {
            let number = draw(records.len() as u64);
            return records.get(usize::try_from(number).ok()?);
        }
        let mut rest = draw(total);
        records.iter().zip(weights).find_map(|(record, weight)| {
            let hit = rest < weight;
            rest = rest.saturating_sub(weight);
            hit.then_some(record)
        })
    }
}

/// The records in an answer of `ListResourceRecordSets`, of the types that lead somewhere.
///
/// # Errors
/// When a record has no TTL, or leads to what is no address.
pub fn records_of(answer: &str) -> Result<Vec<Record>> {
    let sets = xml::all(answer, "ResourceRecordSet").into_iter();
    let leads = |set: &&str| matches!(text(set, "Type"), "A" | "CNAME");
    sets.filter(leads).map(record).collect()
}

fn text<'a>(set: &'a str, leaf: &str) -> &'a str {
    xml::first(set, leaf).unwrap_or_default()
}

fn record(set: &str) -> Result<Record> {
    let (name, value) = (text(set, "Name"), text(set, "Value"));
    let target = if text(set, "Type") == "A" {
        let none = || format!("`{name}` leads to `{value}`, which is no address");
        Target::Address(value.parse().with_context(none)?)
    } else {
        Target::Name(value.to_owned())
    };
    let ttl = text(set, "TTL").parse();
    Ok(Record {
        name: name.to_owned(),
        target,
        ttl: ttl.with_context(|| format!("`{name}` has no TTL"))?,
        weight: text(set, "Weight").parse().ok(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_read_as_route_53_lists_them() {
        let xml = r#"<?xml version="1.0" encoding="UTF-8"?>
            <ListResourceRecordSetsResponse xmlns="https://route53.amazonaws.com/doc/2012-12-12/"><ResourceRecordSets>
            <ResourceRecordSet><Name>shop.test.</Name><Type>SOA</Type><TTL>900</TTL>
              <ResourceRecords><ResourceRecord><Value>ns. me. 1 2 3 4 5</Value></ResourceRecord></ResourceRecords></ResourceRecordSet>
            <ResourceRecordSet><Name>reads.shop.test.</Name><Type>CNAME</Type><SetIdentifier>blue</SetIdentifier><Weight>90</Weight>
              <TTL>60</TTL><ResourceRecords><ResourceRecord><Value>blue.rds.test</Value></ResourceRecord></ResourceRecords></ResourceRecordSet>
            </ResourceRecordSets></ListResourceRecordSetsResponse>"#;
        let expected = Record {
            name: "reads.shop.test.".to_owned(),
            target: Target::Name("blue.rds.test".to_owned()),
            ttl: 60,
            weight: Some(90),
        };
        assert_eq!(records_of(xml).unwrap(), [expected]);
    }
}
