//! Digests of rows: per table, per bucket of keys, per row. Nothing but hashes and keys leaves the server.
//!
//! `hash_record_extended` agrees between the majors from 14 on for the types that are named in [`super::tables`]; columns of
//! every other type are hashed by their text. Sums, not `bit_xor`, since equal rows of a table without a key would cancel
//! each other.

use crate::{PgSession, identifier, tables};
use domain::error::StepError;
use domain::rows::{Bucket, Column, Key, Row as RowSeen, Rows, Table};
use ports::Error;
use std::collections::BTreeMap;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

/// What fails where rows can't be read.
const READING: &str = "reading the digests of rows";

/// Rows and digest of a table, in `buckets` parts (a power of two) by the hash of the key. Empty parts are left out.
pub(crate) async fn buckets(
    session: &PgSession,
    table: &Table,
    buckets: u32,
) -> Result<BTreeMap<i32, Bucket>, Error> {
    let query = format!(
        "select (k & {mask})::int, count(*), sum(h)::text \
         from (select {key} as k, {row} as h from {from}) s group by 1",
        mask = mask(buckets),
        key = key_hash(table),
        row = row_hash(table),
        from = tables::from(table),
    );
    let doing = "computing a table's digest";
    let rows = session.look(doing, &query, &[]).await?;
    rows.iter().map(bucket).collect()
}

fn bucket(row: &Row) -> Result<(i32, Bucket), Error> {
    let sum: String = row.get(2);
    let sum = sum
        .parse()
        .map_err(|_| StepError::failed("a digest is no whole number"))?;
    let rows = u64::try_from(row.get::<_, i64>(1)).unwrap_or(0);
    Ok((row.get(0), Bucket { rows, sum }))
}

/// The rows of some buckets, by key; of a table without one, how often each row is there, by its hash.
pub(crate) async fn rows_of(
    session: &PgSession,
    table: &Table,
    buckets: u32,
    chosen: &[i32],
) -> Result<Rows, Error> {
    let inner = format!(
        "select {key} as k, {row} as h, {texts} as key, t.xmin::text || t.ctid::text as version from {from}",
        key = key_hash(table),
        row = row_hash(table),
        texts = key_texts(table),
        from = tables::from(table),
    );
    let mask = mask(buckets);
    let query = if table.key.is_empty() {
        format!(
            "select array[h::text], count(*), null from ({inner}) s where (k & {mask})::int = any($1) group by h"
        )
    } else {
        format!("select key, h, version from ({inner}) s where (k & {mask})::int = any($1)")
    };
    let rows = session.look(READING, &query, &[&chosen]).await?;
    Ok(rows.iter().map(seen).collect())
}

/// The rows with these keys, as far as they are there. Only for a table with a key.
pub(crate) async fn rows_at(
    session: &PgSession,
    table: &Table,
    keys: &[Key],
) -> Result<Rows, Error> {
    let columns: Vec<Vec<&str>> = (0..table.key.len())
        .map(|place| {
            keys.iter()
                .filter_map(|key| key.get(place).map(String::as_str))
                .collect()
        })
        .collect();
    let parameters: Vec<&(dyn ToSql + Sync)> = columns
        .iter()
        .map(|column| column as &(dyn ToSql + Sync))
        .collect();
    let rows = session.look(READING, &at_keys(table), &parameters).await?;
    Ok(rows.iter().map(seen).collect())
}

fn at_keys(table: &Table) -> String {
    let places = 1..=table.key.len();
    let lists: Vec<String> = places.clone().map(|n| format!("${n}::text[]")).collect();
    let names: Vec<String> = places.map(|n| format!("k{n}")).collect();
    let equal = table.key.iter().zip(&names).map(|(column, wanted)| {
        let kind = kind(table, column);
        format!("t.{} = w.{wanted}::{kind}", identifier(column))
    });
    format!(
        "select {texts}, {row}, t.xmin::text || t.ctid::text from unnest({lists}) as w({names}) join {from} on {equal}",
        texts = key_texts(table),
        row = row_hash(table),
        lists = lists.join(", "),
        names = names.join(", "),
        from = tables::from(table),
        equal = equal.collect::<Vec<_>>().join(" and "),
    )
}

fn seen(row: &Row) -> (Key, RowSeen) {
    let value = RowSeen {
        value: row.get(1),
        version: row.get(2),
    };
    (row.get(0), value)
}

fn mask(buckets: u32) -> u32 {
    buckets.max(1).next_power_of_two() - 1
}

fn kind<'a>(table: &'a Table, column: &str) -> &'a str {
    let found = table.columns.iter().find(|known| known.name == column);
    found.map_or("text", |known| known.kind.as_str())
}

fn key_texts(table: &Table) -> String {
    let texts = table
        .key
        .iter()
        .map(|column| format!("t.{}::text", identifier(column)));
    format!("array[{}]::text[]", texts.collect::<Vec<_>>().join(", "))
}

fn key_hash(table: &Table) -> String {
    if table.key.is_empty() {
        return row_hash(table);
    }
    let is_key = |column: &&Column| table.key.contains(&column.name);
    hash(table.columns.iter().filter(is_key))
}

fn row_hash(table: &Table) -> String {
    hash(table.columns.iter())
}

fn hash<'a>(columns: impl Iterator<Item = &'a Column>) -> String {
    let values = columns.map(|column| {
        let name = identifier(&column.name);
        if column.hashable {
            format!("t.{name}")
        } else {
            format!("t.{name}::text collate \"C\"")
        }
    });
    format!(
        "hash_record_extended(row({}), 0)",
        values.collect::<Vec<_>>().join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::{at_keys, key_hash, mask, row_hash};
    use domain::rows::{Column, Table};

    fn table(key: &[&str]) -> Table {
        let column = |name: &str, kind: &str, hashable| Column {
            name: name.to_owned(),
            kind: kind.to_owned(),
            hashable,
        };
        Table {
            schema: "public".to_owned(),
            name: "Orders".to_owned(),
            estimate: 0,
            key: key.iter().map(|&name| name.to_owned()).collect(),
            columns: vec![
                column("id", "bigint", true),
                column("place", "point", false),
            ],
        }
    }

    #[test]
    fn what_has_no_stable_hash_is_hashed_by_its_text() {
        let hash = r#"hash_record_extended(row(t."id", t."place"::text collate "C"), 0)"#;
        assert_eq!(row_hash(&table(&["id"])), hash);
        assert_eq!(key_hash(&table(&[])), hash);
    }

    #[test]
    fn rows_are_found_by_their_key() {
        let query = at_keys(&table(&["id"]));
        assert!(query.ends_with(
            r#"from unnest($1::text[]) as w(k1) join only "public"."Orders" t on t."id" = w.k1::bigint"#
        ), "{query}");
    }

    #[test]
    fn the_number_of_buckets_is_a_power_of_two() {
        assert_eq!([0, 1, 3, 1024].map(mask), [0, 0, 3, 1023]);
    }
}
