//! The script that starts a finished run's servers again, so that a person can look into them.

use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use super::{ADMIN, Server};

const HEAD: &str = r#"#!/usr/bin/env bash
# Starts the servers of this run again, as they were at its end, and stops them at Ctrl-C.
#   start-servers            prints how to reach them, and waits
#   start-servers COMMAND    runs COMMAND meanwhile, with the folder of each server's socket in $<NAME>
# Nothing is replicated between them, so that what is there can be compared.
set -euo pipefail
run=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
sockets=$(mktemp -d /tmp/viridian-XXXXXX)
as_user=()
[ "$(id -u)" != 0 ] || as_user=(unshare --user --map-user=1 --map-group=1 --)
pids=()
stop() {
    trap - EXIT
    [ ${#pids[@]} = 0 ] || { kill -INT "${pids[@]}" 2>/dev/null || true; wait "${pids[@]}" 2>/dev/null || true; }
    rm -rf "$sockets"
}
trap stop EXIT
trap 'exit 130' INT TERM HUP

start() { # <name> <PostgreSQL's programs> <home>
    local socket="$sockets/$1" data="$run/$3/data"
    mkdir "$socket"
    "${as_user[@]}" setsid "$2/postgres" -D "$data" -c listen_addresses= -c port=5432 \
        -c unix_socket_directories="$socket" -c max_logical_replication_workers=0 -c primary_conninfo= \
        >>"$run/$3/server.log" 2>&1 &
    pids+=($!)
    for _ in {1..600}; do
        grep -qE '^(ready|standby) *$' "$data/postmaster.pid" 2>/dev/null && break
        kill -0 $! 2>/dev/null || { echo "$1 does not start: see $run/$3/server.log" >&2; exit 1; }
        sleep 0.1
    done
    export "${1//[^a-zA-Z0-9_]/_}=$socket"
}

"#;

const FOOT: &str = r#"
if [ $# -gt 0 ]; then
    "$@"
else
    echo "Ctrl-C stops them."
    wait
fi
"#;

/// Leaves `start-servers` in the run's folder: it starts these servers, prints how to reach each with `psql`, and stops
/// them at Ctrl-C. Each server comes with the name that the script shows, e.g. `green`.
///
/// # Errors
/// When it can't be written.
pub fn leave_script(run: &Path, servers: &[(&str, &Server)]) -> Result<PathBuf> {
    let mut script = HEAD.to_owned();
    for (name, server) in servers {
        let (install, id) = (server.install(), server.id());
        let bin = install.bin();
        writeln!(script, "start {name} '{}' 'postgres/{id}'", bin.display())?;
    }
    for (name, server) in servers {
        let psql = server.install().program("psql");
        let version = server.version();
        writeln!(
            script,
            "[ $# -gt 0 ] || echo \"{name}, {version}: {} -h $sockets/{name} -U {ADMIN} -d postgres\"",
            psql.display()
        )?;
    }
    script.push_str(FOOT);
    let path = run.join("start-servers");
    std::fs::write(&path, script).with_context(|| format!("writing {}", path.display()))?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755))?;
    Ok(path)
}
