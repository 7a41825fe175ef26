#!/usr/bin/env python3
"""Writes the table of values in helm/datong/README.md from the comments of values.yaml.

With --check it changes nothing and fails when the table is old or a value has no comment.
"""

import json
import pathlib
import re
import sys

import yaml

CHART = pathlib.Path(__file__).parent / "datong"
BEGIN, END = "<!-- values -->", "<!-- end of values -->"
# Maps that are one value to their reader.
WHOLE = ("defaults.resources", "defaults.strategy", "defaults.topologySpread", "metrics.dashboards.labels")


def rows(text):
    """(key, default, comment) of every value, in the order of the file."""
    values = yaml.safe_load(text)
    path, comment, found, missing = [], [], [], []
    for line in text.splitlines()[1:]:
        stripped = line.strip()
        if stripped.startswith("#"):
            comment.append(stripped.lstrip("# "))
            continue
        match = re.match(r"^( *)([A-Za-z]+):(.*)$", line)
        if not match:
            continue
        del path[len(match.group(1)) // 2 :]
        path.append(match.group(2))
        key = ".".join(path)
        if any(key.startswith(whole + ".") for whole in WHOLE):
            continue
        value = values
        for part in path:
            value = value[part]
        is_leaf = not isinstance(value, dict) or not value or match.group(3).strip() or key in WHOLE
        if comment or is_leaf:
            parent = next((row for row in reversed(found) if key.startswith(row[0] + ".")), None)
            if not comment and parent is None:
                missing.append(key)
            found.append((key, value if is_leaf else None, " ".join(comment)))
        comment = []
    return found, missing


def table(text):
    found, missing = rows(text)
    if missing:
        sys.exit("values.yaml: no comment above " + ", ".join(missing))
    lines = ["| value | default | meaning |", "|---|---|---|"]
    for key, value, comment in found:
        default = "" if value is None else f"`{json.dumps(value)}`"
        lines.append(f"| `{key}` | {default} | {comment.replace('|', chr(92) + '|')} |")
    return "\n".join(lines)


def main():
    readme = CHART / "README.md"
    old = readme.read_text()
    head, rest = old.split(BEGIN)
    tail = rest.split(END)[1]
    new = f"{head}{BEGIN}\n{table((CHART / 'values.yaml').read_text())}\n{END}{tail}"
    if "--check" in sys.argv:
        if new != old:
            sys.exit("helm/datong/README.md is old: run helm/readme.py")
    else:
        readme.write_text(new)


main()
