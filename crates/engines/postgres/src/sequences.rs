//! Sequences, which logical replication does not carry.

use crate::PgSession;
use crate::error::acted;
use ports::Error;

/// The sequences of the application: an extension's are its own.
const SEQUENCES: &str = "
select format('%I.%I', s.schemaname, s.sequencename), s.last_value from pg_sequences s
where s.schemaname !~ '^pg_' and s.last_value is not null
  and not exists (select from pg_depend d
                  where d.classid = 'pg_class'::regclass and d.deptype = 'e'
                    and d.objid = to_regclass(format('%I.%I', s.schemaname, s.sequencename)))
order by 1";

/// Sets those sequences that are there and are behind, in their own direction: one that old blue has used further may not
/// give out a number twice.
const SET_BEHIND: &str = "
select setval(c.oid, s.value) from unnest($1::text[], $2::bigint[]) as s(name, value)
join pg_class c on c.oid = to_regclass(s.name) and c.relkind = 'S'
join pg_sequence q on q.seqrelid = c.oid
cross join lateral (select case when has_sequence_privilege(c.oid, 'select, usage')
                                then pg_sequence_last_value(c.oid) end) as l(now)
where l.now is null or (s.value - l.now::numeric) * sign(q.seqincrement) > 0";

/// Brings the sequences of `old`'s database to where `new`'s are: logical replication does not carry them. Returns what
/// could not be set, each with the reason: behind the point of no return one sequence may not keep both sides closed.
pub(crate) async fn carry(new: &PgSession, old: &PgSession) -> Result<Vec<String>, Error> {
    let rows = new
        .look("reading green's sequences", SEQUENCES, &[])
        .await?;
    let names: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    let values: Vec<i64> = rows.iter().map(|row| row.get(1)).collect();
    if set_sequences(old, &names, &values).await?.is_none() {
        return Ok(vec![]);
    }
    let mut complaints = vec![];
    for (name, value) in names.iter().zip(&values) {
        let one = set_sequences(old, std::slice::from_ref(name), &[*value]).await?;
        complaints.extend(one.map(|why| format!("{name} was not set to {value}: {why}")));
    }
    Ok(complaints)
}

/// Why none of them was set, where that is not for the whole server's sake.
async fn set_sequences(
    old: &PgSession,
    names: &[String],
    values: &[i64],
) -> Result<Option<String>, Error> {
    let Err(failed) = old.query(SET_BEHIND, &[&names, &values]).await else {
        return Ok(None);
    };
    match failed.as_db_error() {
        Some(said) if !concerns_server(said.code().code()) && !old.is_closed() => {
            Ok(Some(said.message().to_owned()))
        }
        _ => Err(acted("setting blue's sequences")(failed)),
    }
}

/// Whether an SQLSTATE says that the server shuts down, or that it takes no writes.
fn concerns_server(state: &str) -> bool {
    state.starts_with("57P") || state.starts_with("08") || state == "25006"
}
