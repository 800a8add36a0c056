#!/usr/bin/env python3
"""Makes each mutant in turn in a copy of the last commit, walks, and writes which walk noticed it.

    run.py [PART OF A MUTANT'S NAME]

Writes docs/mutants.md; with a name it only prints. The walks stop at the first violation, after MUTANT_WALKS executions (120,000) at most.
"""

import os
import pathlib
import re
import subprocess
import sys
import tomllib

ROOT = pathlib.Path(__file__).resolve().parents[3]
COPY = ROOT / ".local/mutants"
HERE = "tests/walk/mutants"
HEAD = """# Mutants

Each row is a mistake that was made in the shipped code on purpose, in `{here}/mutants.toml`, and what the random walk said to it: the first seed that
noticed, and which guarantee it saw broken ([guarantees](guarantees.md)); or that a whole run never came to something that it must. Written by `make mutants`, for the commit `{commit}`.

| mutant | in | noticed by seed | as |
|---|---|---|---|
"""


def run(*command, **options):
    return subprocess.run(command, check=True, capture_output=True, text=True, **options)


def copy():
    """The last commit, in a folder of its own, so that the working folder is not touched."""
    subprocess.run(["git", "worktree", "remove", "--force", str(COPY)], cwd=ROOT, capture_output=True, check=False)
    run("git", "worktree", "prune", cwd=ROOT)
    run("git", "worktree", "add", "--detach", str(COPY), cwd=ROOT)


def walk():
    """What the walks say: the build's error, the violation with its seed, or nothing."""
    env = os.environ | {
        # Apart: Cargo would take what it compiled of a mutant for what it compiles of the code itself.
        "CARGO_TARGET_DIR": str(ROOT / "target/mutants"),
        "VIRIDIAN_WALKS": os.environ.get("MUTANT_WALKS", "120000"),
        "VIRIDIAN_WALK_ENOUGH": "1",
    }
    test = ["cargo", "test", "--locked", "--profile", "walks", "--package", "walk"]
    built = subprocess.run([*test, "--no-run"], cwd=COPY, env=env, capture_output=True, text=True, check=False)
    if built.returncode:
        return "does not compile", built.stderr[-2000:]
    said = subprocess.run([*test, "--", "whatever"], cwd=COPY, env=env, capture_output=True, text=True, check=False)
    wrong = re.search(r"VIRIDIAN_WALK_SEED=(\d+)[\d,]*: (.*)", said.stdout + said.stderr)
    if wrong:
        return wrong.group(1), wrong.group(2)
    # A run has to meet every fault; a state that it did not enter may just be rare.
    missing = re.search(r"\S+ never happened", said.stdout + said.stderr)
    if missing:
        return "all", missing.group(0)
    ended = said.returncode == 0 or "was never entered" in said.stderr
    return ("survived", "") if ended else ("stopped", (said.stdout + said.stderr)[-2000:])


def is_noticed(seed):
    return seed.isdigit() or seed == "all"


def main():
    mutants = tomllib.loads((ROOT / HERE / "mutants.toml").read_text())["mutant"]
    wanted = sys.argv[1] if len(sys.argv) > 1 else ""
    mutants = [mutant for mutant in mutants if wanted in mutant["what"]]
    copy()
    texts = {mutant["file"]: (COPY / mutant["file"]).read_text() for mutant in mutants}
    stale = [mutant["what"] for mutant in mutants if texts[mutant["file"]].count(mutant["find"]) != 1]
    if stale:
        sys.exit("these no longer apply; write them anew:\n  " + "\n  ".join(stale))
    rows, bad = [], []
    for number, mutant in enumerate(mutants, 1):
        path = COPY / mutant["file"]
        path.write_text(texts[mutant["file"]].replace(mutant["find"], mutant["put"]))
        seed, why = walk()
        path.write_text(texts[mutant["file"]])
        if not is_noticed(seed):
            bad.append(f"{mutant['what']}: {seed} {why}")
        rows.append(f"| {mutant['what']} | `{mutant['file']}` | {seed} | {' '.join(why.replace('|', chr(92) + '|').split())[:160]} |\n")
        print(f"{number:>3}/{len(mutants)}  {'noticed' if is_noticed(seed) else 'NOT    '}  {mutant['what']}: {seed} {why[:300]}", flush=True)
    commit = run("git", "rev-parse", "--short", "HEAD", cwd=COPY).stdout.strip()
    if not wanted:
        (ROOT / "docs/mutants.md").write_text(HEAD.format(here=HERE, commit=commit) + "".join(rows))
    run("git", "worktree", "remove", "--force", str(COPY), cwd=ROOT)
    if bad:
        sys.exit("not noticed by any walk:\n  " + "\n  ".join(bad))


if __name__ == "__main__":
    main()
