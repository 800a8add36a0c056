//! Remedies and commands for a PostgreSQL server.

use crate::identifier;
use domain::reverse::Reverse;

/// What to do where our login does not work.
pub(crate) fn login(by_iam: bool) -> &'static str {
    if by_iam {
        "GRANT rds_iam TO the secret's user, let the function's policy allow rds-db:connect as it (the stack's DatabaseUser), and let the functions' security group reach the instance"
    } else {
        "let the secret's user log in with TLS, and let the functions' security group reach the instance"
    }
}

/// The commands that show the state of reverse replication, repair it, or remove it, a line each.
pub(crate) fn failback(reverse: &Reverse) -> Vec<String> {
    let links = reverse.links.iter();
    let lines = links.flat_map(|(database, link)| {
        let name = &link.name;
        [
            format!("on old blue, in {database}: SELECT subenabled, apply_error_count FROM pg_subscription s JOIN pg_stat_subscription_stats t ON t.subid = s.oid WHERE s.subname = '{name}';"),
            format!("to try again what it stopped at: ALTER SUBSCRIPTION {name} ENABLE;"),
            format!("on green, to give up the failback: SELECT pg_drop_replication_slot('{name}'); DROP PUBLICATION {name};"),
        ]
    });
    lines.collect()
}

/// The statement that closes a role.
pub(crate) fn close_role(role: &str) -> String {
    format!("ALTER ROLE {} NOLOGIN", identifier(role))
}

#[cfg(test)]
mod tests {
    use super::{close_role, failback};
    use domain::reverse::{Link, Reverse};

    #[test]
    fn each_link_is_seen_mended_and_given_up_by_its_name() {
        let link = Link {
            name: "viridian_back_0".to_owned(),
            position: "0/1".into(),
            tables: [].into(),
        };
        let lines = failback(&Reverse {
            links: [("orders".to_owned(), link)].into(),
            subscribed: true,
            unavailable: None,
            warned: false,
            told: false,
        });
        let part = |line: usize, part: &str| lines[line].contains(part);
        assert!(part(0, "in orders: SELECT") && part(1, "SUBSCRIPTION viridian_back_0 ENABLE"));
        assert!(part(2, "pg_drop_replication_slot('viridian_back_0')") && lines.len() == 3);
    }

    #[test]
    fn a_role_is_closed_by_its_quoted_name() {
        assert_eq!(close_role("app"), r#"ALTER ROLE "app" NOLOGIN"#);
    }
}
