//! Sequences: logical replication doesn't carry them, so they are set on green when blue has stopped.

use tokio_postgres::Client;

/// One row per sequence of a database; written beforehand, so that the pause has one query only.
#[derive(Debug)]
pub struct Reading(Option<String>);

/// What the sequences of a database stand at.
#[derive(Debug, Default)]
pub struct Values {
    names: Vec<String>,
    last: Vec<i64>,
    called: Vec<bool>,
}

const READING: &str = "
SELECT string_agg(format('SELECT %L, last_value, is_called FROM %s', name, name), ' UNION ALL ')
FROM (SELECT format('%I.%I', n.nspname, c.relname) AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE c.relkind = 'S' AND n.nspname !~ '^pg_') sequences";

impl Reading {
    /// Finds the sequences of a database of blue.
    ///
    /// # Errors
    /// When the side doesn't answer.
    pub async fn plan(blue: &Client) -> Result<Self, tokio_postgres::Error> {
        Ok(Self(blue.query_one(READING, &[]).await?.get(0)))
    }

    /// Reads them all.
    ///
    /// # Errors
    /// When the side doesn't answer.
    pub async fn read(&self, blue: &Client) -> Result<Values, tokio_postgres::Error> {
        let mut values = Values::default();
        let Some(query) = &self.0 else {
            return Ok(values);
        };
        for row in blue.query(query, &[]).await? {
            values.names.push(row.get(0));
            values.last.push(row.get(1));
            values.called.push(row.get(2));
        }
        Ok(values)
    }
}

impl Values {
    /// Sets them on green. The commit also brings to disk what was applied before it.
    ///
    /// # Errors
    /// When the side doesn't answer.
    pub async fn write(&self, green: &Client) -> Result<(), tokio_postgres::Error> {
        let set = "SELECT count(setval(name::text::regclass, value, called)), pg_logical_emit_message(true, 'rds', 'sequences set') \
                   FROM unnest($1::text[], $2::bigint[], $3::bool[]) AS sequences(name, value, called)";
        green
            .query_one(set, &[&self.names, &self.last, &self.called])
            .await
            .map(drop)
    }
}
