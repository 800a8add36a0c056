"""Makes of each function's binary the zip that Lambda takes, and says how large they are.

    package.py <template> <folder of cargo-lambda's binaries> <folder of the zips> <function>...

The same binary makes the same zip: its time and its rights are fixed. Beside the zips come the machines' definitions, and the
template with these in place of what SAM would build. `sam deploy` uploads a zip as it is.
"""

import re
import shutil
import struct
import sys
import zipfile
from pathlib import Path

# A larger package starts noticeably later. The functions are far below it; one that isn't has taken in something large.
LIMIT_BYTES = 5_000_000
AARCH64 = 183  # e_machine in the header of an ELF file

# From how a function is built to where its code is. The rest of its metadata stays, and there has to be some: it can't be empty.
BUILT = re.compile(r" +BuildMethod: .+\n +BuildProperties:\n +Binary: (\w+)\n(?= +checkov:\n)((?:.*\n)*?)( +CodeUri: ).+\n")
DEFINED = re.compile(r"( +DefinitionUri: )(.+)\n")


def machine(binary: Path) -> int:
    with binary.open("rb") as file:
        header = file.read(20)
    return struct.unpack_from("<H", header, 18)[0] if header[:4] == b"\x7fELF" else 0


def pack(binary: Path, package: Path) -> int:
    entry = zipfile.ZipInfo("bootstrap", date_time=(1980, 1, 1, 0, 0, 0))
    entry.create_system = 3  # Unix, for whose sake the rights are kept
    entry.external_attr = 0o100755 << 16
    entry.compress_type = zipfile.ZIP_DEFLATED
    with zipfile.ZipFile(package, "w", compresslevel=9) as archive:
        archive.writestr(entry, binary.read_bytes())
    return package.stat().st_size


def of_zips(template: Path, functions: list[str]) -> tuple[str, list[Path]]:
    """The template without anything to build, and the definitions of its machines."""
    text = template.read_text()
    # One that is written in another way is missing here, or takes the CodeUri of the next, which then is missing.
    if sorted(built[0] for built in BUILT.findall(text)) != functions or kinds(text, "Function") != len(functions):
        sys.exit(f"package: {template} has other functions than {' '.join(functions)}, or builds one in another way")
    definitions = [template.parent / path for _, path in DEFINED.findall(text)]
    if len({path.name for path in definitions}) != kinds(text, "StateMachine"):
        sys.exit(f"package: {template} does not have a definition for each machine")
    text = BUILT.sub(r"\2\3\1.zip\n", text)
    return DEFINED.sub(lambda line: f"{line[1]}{Path(line[2]).name}\n", text), definitions


def kinds(text: str, kind: str) -> int:
    return text.count(f" Type: AWS::Serverless::{kind}\n")


def main(template: Path, binaries: Path, packages: Path, functions: list[str]) -> None:
    deployed, definitions = of_zips(template, functions)
    for function in functions:
        binary = binaries / function / "bootstrap"
        if not binary.exists():
            sys.exit(f"package: {binary} is missing")
        if machine(binary) != AARCH64:
            sys.exit(f"package: {binary} is not built for arm64")

    shutil.rmtree(packages, ignore_errors=True)
    packages.mkdir(parents=True)
    sizes = {function: pack(binaries / function / "bootstrap", packages / f"{function}.zip") for function in functions}
    (packages / "template.yaml").write_text(deployed)
    for definition in definitions:
        shutil.copyfile(definition, packages / definition.name)

    print(f"{'function':<18}{'KiB':>8}")
    for function, size in sizes.items():
        print(f"{function:<18}{size / 1024:>8,.0f}")
    print(f"{f'all {len(sizes)}':<18}{sum(sizes.values()) / 1024:>8,.0f}  in {packages}")

    too_large = [function for function, size in sizes.items() if size > LIMIT_BYTES]
    if too_large:
        sys.exit(f"package: above {LIMIT_BYTES / 1024:,.0f} KiB (5 MB), which is the limit here: {', '.join(too_large)}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), sorted(sys.argv[4:]))
