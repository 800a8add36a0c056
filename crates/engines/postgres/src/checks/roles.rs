//! Who logs in: our own role, and the application's, which the fence must be able to close.

use crate::facts::Server;
use domain::inspection::{Case, count, listed};
use domain::plan::Check;

pub(super) fn checks(case: &Case<'_>, server: &Server) -> Vec<Check> {
    vec![
        ours(server),
        application(case, server),
        bypass(server),
        outside(case, server),
    ]
}

fn ours(server: &Server) -> Check {
    const NAME: &str = "our role";
    let us = &server.us;
    let mut lacks: Vec<String> = [
        (us.creates_roles, "CREATEROLE"),
        (us.signals_backends, "pg_signal_backend"),
        (us.reads_all_data, "pg_read_all_data"),
        (us.reads_statistics, "pg_read_all_stats"),
    ]
    .iter()
    .filter(|(has, _)| !has)
    .map(|(_, right)| (*right).to_owned())
    .collect();
    let closed = server
        .application_databases()
        .filter(|database| !database.may_create);
    lacks.extend(closed.map(|database| format!("CREATE on the database {}", database.name)));
    if lacks.is_empty() {
        Check::pass(NAME, format!("{} may do what it has to", us.name))
    } else {
        let remedy = format!(
            "GRANT rds_superuser TO {0}, ALTER ROLE {0} CREATEROLE, and GRANT CREATE ON DATABASE … TO {0}",
            us.name
        );
        Check::blocker(
            NAME,
            format!("{} lacks {}", us.name, listed(&lacks)),
            &remedy,
        )
    }
}

fn application(case: &Case<'_>, server: &Server) -> Check {
    const NAME: &str = "application roles";
    let us = server.us.name.as_str();
    let asked_for = case.request.application_roles.as_deref();
    let roles = server.fenced_roles(case.request);
    let unknown: Vec<&String> = asked_for
        .into_iter()
        .flatten()
        .filter(|name| !server.roles.iter().any(|role| role.name == **name))
        .collect();
    if !unknown.is_empty() {
        return Check::blocker(
            NAME,
            format!("there is no role {}", listed(&unknown)),
            "correct `application_roles`",
        );
    }
    let mut named = asked_for.into_iter().flatten();
    if let Some(name) = named.find(|name| server.is_ours(name)) {
        let found = format!("{name} is a role of Viridian's own, which can't be fenced off");
        return Check::blocker(NAME, found, "give the application a role of its own");
    }
    if roles.is_empty() {
        let found = "no role but ours can log in, so nothing could be fenced off";
        return Check::blocker(
            NAME,
            found,
            "let the application log in as a role of its own",
        );
    }
    let foreign: Vec<&str> = roles
        .iter()
        .filter(|role| needs_admin_option(case) && !role.ours_to_administer)
        .map(|role| role.name.as_str())
        .collect();
    if foreign.is_empty() {
        let names: Vec<&str> = roles.iter().map(|role| role.name.as_str()).collect();
        Check::pass(
            NAME,
            format!("{}: {}", count(names.len(), "role"), listed(&names)),
        )
    } else {
        let remedy = format!(
            "GRANT … TO {us} WITH ADMIN OPTION, or name in `application_roles` only what the application logs in as"
        );
        Check::blocker(
            NAME,
            format!("{us} may not alter {} on both versions", listed(&foreign)),
            &remedy,
        )
    }
}

/// Whether the ADMIN OPTION is what lets one role alter another, on either side.
fn needs_admin_option(case: &Case<'_>) -> bool {
    case.from.first() >= 16 || case.to.first() >= 16
}

fn bypass(server: &Server) -> Check {
    const NAME: &str = "no way past the fence";
    let superusers: Vec<&str> = server
        .roles
        .iter()
        .filter(|role| role.superuser && role.can_login && !role.is_theirs())
        .map(|role| role.name.as_str())
        .collect();
    let settings = &server.writing_settings;
    if superusers.is_empty() && !settings.is_empty() {
        let found = format!(
            "default_transaction_read_only is off for {}, so that green would take its writes",
            listed(settings)
        );
        Check::blocker(
            NAME,
            found,
            "ALTER ROLE … or ALTER DATABASE … RESET default_transaction_read_only",
        )
    } else if superusers.is_empty() {
        Check::pass(
            NAME,
            "no application role is superuser, and none sets read-only aside",
        )
    } else {
        let found = format!(
            "{} can't be fenced off, being superuser",
            listed(&superusers)
        );
        Check::blocker(NAME, found, "ALTER ROLE … NOSUPERUSER")
    }
}

fn outside(case: &Case<'_>, server: &Server) -> Check {
    const NAME: &str = "other logins";
    let fenced = server.fenced_roles(case.request);
    let outside: Vec<&str> = server
        .default_roles()
        .filter(|role| !fenced.contains(role))
        .map(|role| role.name.as_str())
        .collect();
    if outside.is_empty() {
        Check::pass(
            NAME,
            "every role that can log in is fenced off at the switchover",
        )
    } else {
        let found = format!("{} can log in and won't be fenced off", listed(&outside));
        Check::warning(
            NAME,
            found,
            "add them to `application_roles`, unless they never write",
        )
    }
}
