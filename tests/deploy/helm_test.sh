#!/usr/bin/env bash
# helm_test.sh MAJOR TEST FOLDER: runs that test of the chart (helm_test.py, pods_test.py) with that Helm, from .deps/bin or PATH.
# Without one it says so and is skipped (77); with CI=true that is a failure where Go could have built it.
set -euo pipefail
major=$1
root=$(cd "$(dirname "$0")/../.." && pwd)

is_wanted() { [[ "$("$1" version --short 2>/dev/null)" == "v$major."* ]]; }

for helm in "$root/.deps/bin/helm$major" helm; do
  if command -v "$helm" >/dev/null && is_wanted "$helm"; then
    exec python3 "$root/tests/deploy/$2" "$helm" "$3"
  fi
done
echo "SKIPPED: the chart was NOT tested with Helm $major: there is none in .deps/bin or PATH." >&2
echo "Install Go 1.26 or later and run tools/deps test, or put Helm $major into PATH." >&2
go=$(go env GOVERSION 2>/dev/null || true)
oldest=$(printf '%s\n' go1.26 "$go" | sort -V | head -n 1)
if [ "${CI:-}" = true ] && [ "$oldest" = go1.26 ]; then exit 1; fi
exit 77
