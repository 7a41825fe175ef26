#!/usr/bin/env bash
# image_test.sh BINARIES WORK: makes the image's files twice, compares them, and starts every component from them as uid 65532
# with a read-only root. Needs root for that, and every binary; is skipped (77) otherwise.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
binaries=$1
work=$2
components=(broker ingest datacube identity insight gateway)

for program in datong wechat-sim "${components[@]/#/datong-}"; do
  if [ ! -x "$binaries/$program" ]; then echo "SKIPPED: $program is not built" >&2; exit 77; fi
done
if [ "$(id -u)" != 0 ]; then echo "SKIPPED: needs root" >&2; exit 77; fi

bytes() { tar --sort=name -C "$1" -c . | sha256sum; }
"$root/deploy/image" --rootfs-only "$binaries" "$work"
first=$(bytes "$work/rootfs")
cp "$work/sbom.spdx.json" "$work/first.json"
"$root/deploy/image" --rootfs-only "$binaries" "$work" >/dev/null
[ "$first" = "$(bytes "$work/rootfs")" ] || { echo "FAIL: two builds differ"; exit 1; }
cmp "$work/first.json" "$work/sbom.spdx.json"
[ "$(du -sm "$work/rootfs" | cut -f1)" -le 120 ] || { echo "FAIL: more than 120 MiB"; exit 1; }
for unwanted in sh bash dash dpkg apt; do
  if [ -e "$work/rootfs/usr/bin/$unwanted" ]; then echo "FAIL: $unwanted is in the image"; exit 1; fi
done

unshare -m bash -s "$work/rootfs" "${components[@]}" <<'EOT'
set -euo pipefail
rootfs=$1
shift
mount --bind "$rootfs" "$rootfs"
mount -o remount,bind,ro "$rootfs"
mount -t tmpfs -o mode=1777 tmpfs "$rootfs/tmp"
mkdir "$rootfs/tmp/keys" "$rootfs/tmp/log"
chmod 1777 "$rootfs/tmp/log"
head -c 32 /dev/zero | base64 >"$rootfs/tmp/keys/k"
echo k >"$rootfs/tmp/keys/active"
echo "host=127.0.0.1 port=1 dbname=none connect_timeout=1" >"$rootfs/tmp/dsn"
if chroot --userspec=65532:65532 "$rootfs" /usr/bin/datong --version-of-nothing 2>/dev/null; then exit 1; fi
chroot --userspec=65532:65532 "$rootfs" /usr/bin/datong --help >/dev/null
chroot --userspec=65532:65532 "$rootfs" /usr/bin/wechat-sim --help >/dev/null
started=()
for component in "$@"; do
  arguments=(--insecure.allow=true --keys.folder=/tmp/keys --server.address=127.0.0.1 --server.drain_wait=0s
    --server.grpc_port=0 --server.health_port=0 --server.metrics_port=0 --server.http_port=0)
  [ "$component" = gateway ] || arguments+=(--database.dsn_file=/tmp/dsn)
  for peer in broker ingest datacube identity insight; do arguments+=("--peers.$peer=127.0.0.1:1"); done
  timeout --preserve-status -s TERM -k 20 3 chroot --userspec=65532:65532 "$rootfs" \
    "/usr/bin/datong-$component" "${arguments[@]}" >"$rootfs/tmp/log/$component" 2>&1 &
  started+=($!)
done
failed=0
for i in "${!started[@]}"; do
  shift_name=$((i + 1))
  component=${!shift_name}
  status=0
  wait "${started[$i]}" || status=$?
  if [ "$status" != 0 ] || ! grep -q '"msg":"listening"' "$rootfs/tmp/log/$component"; then
    echo "FAIL: $component ended with $status"
    cat "$rootfs/tmp/log/$component"
    failed=1
  fi
done
exit "$failed"
EOT
echo "every component starts from the image"
