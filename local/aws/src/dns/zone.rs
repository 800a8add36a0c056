//! A zone's records, as Route 53 lists them.

use anyhow::{Context as _, Result};
use quick_xml::Reader;
use quick_xml::events::Event;
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
            zone.records.entry(name).or_default().push(record);
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
/// When it is no such answer.
pub fn records_of(xml: &str) -> Result<Vec<Record>> {
    let sets = elements(xml)?;
    let leads = |set: &&Set| matches!(text(set, "Type"), "A" | "CNAME");
    sets.iter().filter(leads).map(record).collect()
}

type Set = Vec<(String, String)>;

/// The leaves of each `ResourceRecordSet`, in order.
fn elements(xml: &str) -> Result<Vec<Set>> {
    let mut reader = Reader::from_str(xml);
    let (mut sets, mut leaf) = (Vec::<Set>::new(), String::new());
    loop {
        let event = reader.read_event();
        match event.context("reading the records of a zone")? {
            Event::Start(tag) => {
                tag.local_name().as_ref().clone_into(&mut leaf);
                if leaf == "ResourceRecordSet" {
                    sets.push(Set::new());
                }
            }
            Event::Text(content) => {
                if let Some(set) = sets.last_mut() {
                    set.push((leaf.clone(), content.trim().to_owned()));
                }
            }
            Event::End(_) => leaf.clear(),
            Event::Eof => return Ok(sets),
            _ => {}
        }
    }
}

fn text<'a>(set: &'a Set, leaf: &str) -> &'a str {
    let found = set.iter().find(|(name, _)| name == leaf);
    found.map_or("", |(_, text)| text)
}

fn record(set: &Set) -> Result<Record> {
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
