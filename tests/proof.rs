//! What the proof of a switchover stands on, against two real servers of two majors with a link between them: the fence,
//! the lag, and the comparison of rows while writes go on.

use anyhow::{Context, Result};
use aws_config::SdkConfig;
use domain::fence::{Fence, Side, restoring};
use domain::ids::Millis;
use domain::lag::Lag;
use domain::rows::Table;
use futures_util::future::try_join;
use local_rds::postgres::{Host, Server, ServerSpec};
use ports::{Access, Endpoint, Engine as _, Session as _};
use postgres::{Login, PgSession, Postgres};
use std::time::{Duration, Instant};
use steps::lag;
use tests::{Beside, until};
use validate::{Alike, compare};

const SCHEMA: &str = "
    CREATE TYPE mood AS ENUM ('calm', 'busy');
    CREATE TABLE orders (id bigserial PRIMARY KEY, version int NOT NULL, note text, price numeric, at timestamptz,
        tags text[], detail jsonb, raw json, place point, mood mood, code char(8), data bytea);
    CREATE TABLE log (writer int NOT NULL, number int NOT NULL);
    ALTER TABLE log REPLICA IDENTITY FULL;
    CREATE TABLE pairs (a text, b uuid, n int, PRIMARY KEY (b, a));
    CREATE TABLE nothing (id int PRIMARY KEY);
    CREATE ROLE app LOGIN PASSWORD 'app';
    COMMENT ON ROLE app IS 'the shop''s own';
    GRANT ALL ON orders, log, pairs TO app; GRANT USAGE ON SEQUENCE orders_id_seq TO app;
    GRANT app TO viridian WITH ADMIN OPTION;
    GRANT CREATE ON DATABASE postgres TO viridian;";

const ROWS: &str = "
    INSERT INTO orders (version, note, price, at, tags, detail, raw, place, mood, code, data)
    SELECT 0, 'order ' || n, n / 7.0, timestamptz '2026-01-01' + n * interval '1 s', ARRAY['a', n::text],
        jsonb_build_object('n', n), json_build_object('n', n), point(n, 1), 'calm', 'c' || n, int4send(n)
    FROM generate_series(1, 40000) n;
    INSERT INTO log SELECT n % 3, n % 500 FROM generate_series(1, 5000) n;
    INSERT INTO pairs SELECT 'k' || n, gen_random_uuid(), n FROM generate_series(1, 5000) n;
    ANALYZE;";

/// Blue and green, and us.
struct Pair {
    host: Host,
    blue: Server,
    green: Server,
    engine: Postgres<aws::Network>,
}

impl Pair {
    async fn start(name: &str) -> Result<Self> {
        let host = Host::alone(&tests::run_folder(name))?;
        let blue = host.create(spec("blue", "16.14")).await?;
        let green = host.create(spec("green", "18.4")).await?;
        let engine = engine(&host, "viridian", "secret")?;
        let pair = Self {
            host,
            blue,
            green,
            engine,
        };
        pair.link().await?;
        Ok(pair)
    }

    /// The same schema on both sides, rows on blue, and a link that has copied them.
    async fn link(&self) -> Result<()> {
        for server in [&self.blue, &self.green] {
            let name = server.address().ip().to_string();
            server.set_names(&[name]).await?;
            let admin = server.admin("postgres").await?;
            local_rds::postgres::roles::create_master(&admin, "viridian", "secret").await?;
            admin.batch_execute(SCHEMA).await?;
            let ours = self.session(server, Access::Write).await?;
            ours.make_marker().await?;
        }
        let blue = self.blue.admin("postgres").await?;
        for statements in [ROWS, "CREATE PUBLICATION p FOR ALL TABLES"] {
            blue.batch_execute(statements).await?;
        }
        let green = self.green.admin("postgres").await?;
        let subscribe = format!(
            "TRUNCATE viridian.marker; CREATE SUBSCRIPTION s CONNECTION '{}' PUBLICATION p",
            self.blue.internal_conninfo("postgres")
        );
        for statement in subscribe.split_inclusive(';') {
            green.batch_execute(statement).await?;
        }
        let copied = "SELECT bool_and(srsubstate = 'r') FROM pg_subscription_rel";
        until(&green, copied).await
    }

    async fn session(&self, server: &Server, access: Access) -> Result<PgSession> {
        let endpoint = endpoint(server);
        Ok(self.engine.connect(&endpoint, "postgres", access).await?)
    }

    /// A session of the application.
    async fn application(&self, server: &Server) -> Result<PgSession> {
        let engine = engine(&self.host, "app", "app")?;
        let endpoint = endpoint(server);
        let session = engine.connect(&endpoint, "postgres", Access::AsServed);
        Ok(session.await?)
    }

    async fn compare(&self, tables: &[Table]) -> Result<Alike> {
        let (blue, green) = (endpoint(&self.blue), endpoint(&self.green));
        let open = async || {
            let blue = self.engine.connect(&blue, "postgres", Access::Write);
            let green = self.engine.connect(&green, "postgres", Access::AsServed);
            try_join(blue, green).await
        };
        let minute = Duration::from_mins(1);
        Ok(compare(&aws::Clock, open, "postgres", tables.to_vec(), minute).await?)
    }

    async fn end(self) -> Result<()> {
        self.host.keeper.shutdown().await?;
        Ok(std::fs::remove_dir_all(self.host.keeper.folder())?)
    }
}

fn engine(host: &Host, username: &str, password: &str) -> Result<Postgres<aws::Network>> {
    let login = Login {
        username: username.to_owned(),
        password: Some(password.to_owned()),
        ca: Some(host.authority.ca_pem().to_owned()),
        replication: None,
    };
    // With a password nothing is signed.
    let network = aws::Network::new(None, &SdkConfig::builder().build())?;
    Ok(Postgres::new(login, network)?)
}

fn spec(id: &str, version: &str) -> ServerSpec {
    ServerSpec {
        id: id.to_owned(),
        version: version.to_owned(),
        names: vec![format!("{id}.test")],
        parameters: [("wal_level".to_owned(), "logical".to_owned())].into(),
    }
}

fn endpoint(server: &Server) -> Endpoint {
    Endpoint::new(server.address().ip().to_string(), server.address().port())
}

/// What the application does at once: inserts, updates and deletes.
fn writes(number: u32) -> String {
    let (hot, cold) = (number % 5 + 1, number * 37 % 40_000);
    format!(
        "INSERT INTO public.orders (version, note) VALUES (1, 'new {number}');
         UPDATE public.orders SET version = version + 1, detail = '{{}}' WHERE id IN ({hot}, {cold});
         DELETE FROM public.orders WHERE id = {number} * 11 % 30000 + 10;
         INSERT INTO public.log VALUES (9, {number});
         UPDATE public.pairs SET n = n + 1 WHERE a = 'k{hot}';"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn traffic_is_no_mismatch_and_one_changed_row_is_named() -> Result<()> {
    let pair = Pair::start("proof-rows").await?;
    let blue = pair.session(&pair.blue, Access::AsServed).await?;
    let tables = blue.tables().await?;
    let names: Vec<String> = tables.iter().map(ToString::to_string).collect();
    let wanted = ["log", "nothing", "orders", "pairs"].map(|name| format!("public.{name}"));
    assert_eq!(names, wanted);

    let traffic = Beside::start(pair.application(&pair.blue).await?, writes);
    for _ in 0..3 {
        let began = Instant::now();
        let alike = pair.compare(&tables).await?;
        eprintln!("{alike:?} in {:?}", began.elapsed());
        assert_eq!(alike.mismatches, Vec::<String>::new());
        assert_eq!(alike.tables, 4);
        assert!(alike.rows > 40_000 && alike.busy < 100, "{alike:?}");
    }

    let green = pair.green.admin("postgres").await?;
    let one = "ctid = (SELECT min(ctid) FROM log WHERE writer = 1)";
    for (table, harm) in [
        (
            "orders",
            "UPDATE orders SET place = point(0, 0) WHERE id = 39999",
        ),
        ("log", &format!("UPDATE log SET number = -1 WHERE {one}")),
        ("pairs", "DELETE FROM pairs WHERE a = 'k4000'"),
        ("nothing", "INSERT INTO nothing VALUES (7)"),
    ] {
        let table = format!("`postgres.public.{table}`");
        green.batch_execute(harm).await?;
        let alike = pair.compare(&tables).await?;
        eprintln!("{alike:?}");
        let lines = alike.mismatches.iter();
        let named = lines.filter(|line| line.starts_with(&table)).count();
        assert_eq!(named, 1, "{harm}: {alike:?}");
    }
    let written = traffic.end().await?;
    assert!(written > 10, "the application wrote {written} times only");
    pair.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fence_ends_and_refuses_the_application_and_leaves_replication_alone() -> Result<()> {
    let pair = Pair::start("proof-fence").await?;
    let ours = pair.session(&pair.blue, Access::Write).await?;
    let green = pair.session(&pair.green, Access::AsServed).await?;
    let names = vec!["app".to_owned()];
    let connected = pair.application(&pair.blue).await?;
    let stands = Fence {
        side: Side::Blue,
        resource_id: "db-BLUE".into(),
        owner: "arn:upgrade".into(),
        deadline: Millis(1_800_000_000_000),
        roles: restoring(ours.roles(&names).await?, None),
    };

    ours.rehearse(&stands).await?;
    assert_eq!(ours.open_roles(&names).await?, names);
    assert_eq!(ours.standing(&names).await?.sessions, 1);

    ours.raise(&stands).await?;
    let drained = ours.drain(&names, Duration::from_secs(5)).await?;
    assert_eq!((drained.ended, drained.left), (1, 0));
    assert!(connected.batch_execute("select 1").await.is_err());
    assert!(pair.application(&pair.blue).await.is_err());
    let closed = ours.roles(&names).await?;
    assert_eq!(closed[0].fenced_by.as_ref(), Some(&stands.owner));
    let query = "select shobj_description('app'::regrole, 'pg_authid')";
    let notice: String = ours.query_one(query, &[]).await?.get(0);
    let (told, _) = notice.split_once('-').context("no deadline")?;
    assert_eq!(told, "viridian: fenced by arn:upgrade until 2027");
    let written = ours.write_marker().await?.marker;
    let seen = green.await_marker(written.number, Duration::from_secs(5));
    let seen = seen.await?;
    assert_eq!(seen.map(|seen| seen.number), Some(written.number));

    let roles = restoring(closed, Some(&stands));
    let restored = Fence { roles, ..stands };
    ours.lift(&restored).await?;
    let opened = ours.roles(&names).await?;
    assert_eq!(opened[0].comment.as_deref(), Some("the shop's own"));
    let application = pair.application(&pair.blue).await?;
    application.batch_execute("select 1").await?;
    pair.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn lag_is_small_while_the_link_works_and_bad_when_it_does_not() -> Result<()> {
    let pair = Pair::start("proof-lag").await?;
    let blue = pair.session(&pair.blue, Access::AsServed).await?;
    let green = pair.session(&pair.green, Access::AsServed).await?;
    let measure = async |patience| lag::measure(&blue, &green, "postgres", patience).await;
    let second = Duration::from_secs(1);
    let well = measure(5 * second).await?;
    eprintln!("{well:?}");
    assert!(well.ms.is_some_and(|ms| ms < 5000) && well.bytes.is_some_and(|bytes| bytes < 1 << 20));

    let admin = pair.green.admin("postgres").await?;
    admin.batch_execute("ALTER SUBSCRIPTION s DISABLE").await?;
    let blocked = measure(second).await?;
    assert!(blocked.ms.is_some_and(|ms| ms >= 1000), "{blocked:?}");

    let parted = "ALTER SUBSCRIPTION s SET (slot_name = NONE)";
    admin.batch_execute(parted).await?;
    let on_blue = pair.blue.admin("postgres").await?;
    let idle = "SELECT count(*) = 0 FROM pg_replication_slots WHERE active";
    until(&on_blue, idle).await?;
    let drop = "SELECT pg_drop_replication_slot('s')";
    on_blue.batch_execute(drop).await?;
    admin.batch_execute("DELETE FROM viridian.marker").await?;
    let lost = measure(second / 10).await?;
    assert_eq!(lost, Lag::default());
    pair.end().await
}
