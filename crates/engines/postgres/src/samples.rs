//! A server that is well.

use crate::facts::{DatabaseSeen, OurRole, RoleSeen, Server, Settings, SlotSeen};

pub(crate) fn role(name: &str) -> RoleSeen {
    RoleSeen {
        name: name.into(),
        can_login: true,
        superuser: false,
        replication: false,
        ours_to_administer: true,
    }
}

pub(crate) fn database(name: &str) -> DatabaseSeen {
    DatabaseSeen {
        name: name.into(),
        may_create: true,
        may_publish: true,
        tables: 3,
        ..DatabaseSeen::default()
    }
}

pub(crate) fn server() -> Server {
    let internal = ["rdsadmin", "pg_monitor"].map(|name| RoleSeen {
        superuser: true,
        ours_to_administer: false,
        ..role(name)
    });
    Server {
        us: OurRole {
            name: "viridian".into(),
            creates_roles: true,
            signals_backends: true,
            reads_all_data: true,
            reads_statistics: true,
            replicates: true,
            creates_subscriptions: true,
        },
        follower: None,
        settings: Settings {
            wal_level: "logical".into(),
            replication_slots: 10,
            wal_senders: 10,
            replication_workers: 4,
            worker_processes: 8,
        },
        slots: vec![SlotSeen {
            name: "rds_orders_replica".into(),
            logical: false,
        }],
        subscriptions: vec![],
        streaming: 1,
        senders: 1,
        roles: [role("viridian"), role("orders_app"), role("reader")]
            .into_iter()
            .chain(internal)
            .collect(),
        writing_settings: vec![],
        databases: vec![
            database("orders"),
            database("billing"),
            DatabaseSeen {
                tables: 0,
                may_create: false,
                may_publish: false,
                ..database("postgres")
            },
        ],
        closed_databases: vec![],
        oldest_transaction_seconds: 1,
        prepared_transactions: 0,
    }
}
