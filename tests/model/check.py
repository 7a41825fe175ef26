#!/usr/bin/env python3
"""Runs the model of the lease through spin: right as it is, wrong without each of its guards.

A guard whose absence does no harm in the model would prove nothing, so each run without one must
break the claims that are written beside it here.
"""
import pathlib
import re
import subprocess
import sys
import tempfile

MODEL = pathlib.Path(__file__).resolve().parent / "lease.pml"

# (what, settings, claim or 0 for all, whether the claim holds)
RUNS = [
    ("as it is", {}, 0, True),
    ("as it is, two crashes and two re-authorisations", {"REPLICAS": 2, "CRASHES": 2, "GRANTS": 2, "EXPIRIES": 3}, 0, True),
    ("without fencing: the holder's token is given up", {"FENCED": 0, "GRANTS": 0}, 1, False),
    ("without fencing: a late write is taken", {"FENCED": 0, "GRANTS": 0}, 2, False),
    ("without fencing and versions: epochs go back", {"FENCED": 0, "VERSIONED": 0, "GRANTS": 0}, 3, False),
    ("without fencing and versions: an old token comes back", {"FENCED": 0, "VERSIONED": 0, "GRANTS": 0}, 4, False),
    ("without versions: a re-authorisation is lost", {"VERSIONED": 0}, 5, False),
    ("without versions and re-authorisations", {"VERSIONED": 0, "GRANTS": 0}, 0, True),
]


def run(command, folder):
    done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, check=False)
    return done.returncode, done.stdout


def explore(settings, claim):
    """(number of errors, states, the search's output) of an exhaustive search."""
    with tempfile.TemporaryDirectory(prefix="datong-model-") as folder:
        defines = [f"-D{name}={value}" for name, value in {**settings, "CLAIM": claim}.items()]
        code, text = run(["spin", "-a", *defines, str(MODEL)], folder)
        if code != 0:
            sys.exit(f"spin refuses the model:\n{text}")
        code, text = run(["cc", "-O2", "-w", "-DSAFETY", "-DMEMLIM=2048", "-DVECTORSZ=2048",
                          "-o", "pan", "pan.c"], folder)
        if code != 0:
            sys.exit(f"the verifier does not compile:\n{text}")
        # As deep as it takes; a search that was cut short is no proof.
        code, text = run(["./pan", "-m1000000"], folder)
    found = re.search(r"errors: (\d+)", text)
    if found is None or "max search depth too small" in text or "out of memory" in text.lower():
        sys.exit(f"the search did not end:\n{text}")
    states = re.search(r"(\d+(?:\.\d+e\+\d+)?) states, stored", text)
    return int(found[1]), states[1] if states else "?", text


def main():
    failures = 0
    for what, settings, claim, holds in RUNS:
        errors, states, text = explore(settings, claim)
        # Without a guard it is the claim that must break, nothing else.
        right = errors == 0 if holds else errors > 0 and "assertion violated" in text
        print(f"{'ok  ' if right else 'FAIL'} {what}: {errors} errors in {states} states")
        if not right:
            failures += 1
            print(text)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
