"""Makes of each function's binary the zip that Lambda takes, and says how large they are.

    package.py <folder of cargo-lambda's binaries> <folder of the zips> <function>...

The same binary makes the same zip: its time and its rights are fixed.
"""

import shutil
import struct
import sys
import zipfile
from pathlib import Path

# A larger package starts noticeably later. The functions are far below it; one that isn't has taken in something large.
LIMIT_BYTES = 5_000_000
AARCH64 = 183  # e_machine in the header of an ELF file


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


def main(binaries: Path, packages: Path, functions: list[str]) -> None:
    for function in functions:
        binary = binaries / function / "bootstrap"
        if not binary.exists():
            sys.exit(f"package: {binary} is missing")
        if machine(binary) != AARCH64:
            sys.exit(f"package: {binary} is not built for arm64")

    shutil.rmtree(packages, ignore_errors=True)
    packages.mkdir(parents=True)
    sizes = {function: pack(binaries / function / "bootstrap", packages / f"{function}.zip") for function in functions}

    print(f"{'function':<18}{'KiB':>8}")
    for function, size in sizes.items():
        print(f"{function:<18}{size / 1024:>8,.0f}")
    print(f"{f'all {len(sizes)}':<18}{sum(sizes.values()) / 1024:>8,.0f}  in {packages}")

    too_large = [function for function, size in sizes.items() if size > LIMIT_BYTES]
    if too_large:
        sys.exit(f"package: above {LIMIT_BYTES / 1024:,.0f} KiB (5 MB), which is the limit here: {', '.join(too_large)}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sorted(sys.argv[3:]))
