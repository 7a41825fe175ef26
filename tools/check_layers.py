#!/usr/bin/env python3
"""Holds the rules of direction between folders: who may include whom. Prints each breach."""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
INCLUDE = re.compile(r'^\s*#include\s+[<"]([^>"]+)[>"]', re.M)

# common/<library> → the libraries it may use, besides itself.
FOUNDATION = {"base", "status", "time", "exec", "config", "log", "metrics", "identifier", "trace"}
COMMON = {
    "base": set(),
    "status": {"base"},
    "time": {"base", "status"},
    "identifier": {"base", "status"},
    "exec": {"base", "status", "time"},
    "config": {"base", "status", "time"},
    "trace": set(),
    "log": {"base", "status", "trace"},
    "metrics": {"base", "status", "exec"},
    "crypto": {"base", "status"},
    "wechat": {"base", "status", "crypto", "time"},
    "auth": FOUNDATION | {"crypto"},
    "rpc": FOUNDATION | {"auth", "crypto"},
    "postgres": FOUNDATION,
    "http": FOUNDATION,
    "server": FOUNDATION | {"auth", "rpc", "postgres", "http", "crypto"},
}
# Headers that a service's core/ and its tests never include. common/crypto and common/wechat are no
# way out of the process: ciphers, and what the platform's messages and error codes mean.
NOT_IN_CORE = re.compile(r"^(grpc|pqxx|libpq|curl/|boost/|google/|datong/)|\.pb\.h$|^common/(auth|rpc|postgres|http|server)/")


def is_test(path):
    return path.stem.endswith("_test") or "testing" in path.parts or path.parts[:1] == ("tests",)


def breaches(path, include):
    parts, target = path.parts, include.split("/")
    if target[:1] == ["common"] and "testing" in target and not is_test(path):
        yield "only tests may use testing/"
    if parts[0] == "common":
        if target[0] in ("services", "tools"):
            yield "common/ knows no service and no tool"
        library = parts[1]
        if library in COMMON and target[0] == "common" and not is_test(path):
            if target[1] != library and target[1] not in COMMON[library]:
                yield f"common/{library} may not use common/{target[1]}"
    if parts[0] == "services":
        service = parts[1]
        if target[0] == "services" and target[1] != service and service != "all_in_one":
            yield f"a service never includes another one (services/{target[1]})"
        if target[0] == "tools":
            yield "a service includes no tool"
        if len(parts) > 3 and parts[2] == "core":
            if NOT_IN_CORE.search(include):
                yield "core/ includes no gRPC, proto, SQL or HTTP header"
            if target[0] == "services" and len(target) > 3 and target[2] not in ("core", "testing"):
                yield f"core/ includes nothing of {target[2]}/"
        if len(parts) > 3 and parts[2] in ("rpc", "store", "upstream") and not is_test(path):
            if target[:2] == ["services", service] and len(target) > 3:
                if target[2] not in (parts[2], "core"):
                    yield f"{parts[2]}/ includes only core/ (not {target[2]}/)"


def main():
    listed = subprocess.run(["git", "-c", "safe.directory=*", "ls-files", "-co", "--exclude-standard", "*.h", "*.cc"],
                            cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    found = 0
    for name in listed:
        path = pathlib.Path(name)
        file = ROOT / path
        if not file.exists():
            continue
        for match in INCLUDE.finditer(file.read_text()):
            for problem in breaches(path, match.group(1)):
                print(f"{name}: includes {match.group(1)}: {problem}")
                found += 1
    print(f"{len(listed)} files, {found} breaches")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
