#!/usr/bin/env bash
# image_test.sh BINARIES WORK: makes the image twice, compares the digests, unpacks it into WORK/rootfs, and starts every component from
# there as uid 65532 with a read-only root. Needs root for that, every binary and buildah; is skipped (77) otherwise.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
binaries=$1
work=$2
components=(broker ingest datacube identity insight gateway)

for program in datong wechat-sim "${components[@]/#/datong-}"; do
  if [ ! -x "$binaries/$program" ]; then echo "SKIPPED: $program is not built" >&2; exit 77; fi
done
if [ "$(id -u)" != 0 ]; then echo "SKIPPED: needs root" >&2; exit 77; fi
if ! command -v buildah >/dev/null; then
  echo "SKIPPED: the image was NOT made: no buildah here; run tools/deps test" >&2
  [ "${CI:-}" != true ] || exit 1
  exit 77
fi

"$root/deploy/image" "$binaries" "$work" | tee "$work.log"
first=$(grep '^digest:' "$work.log")
cp "$work/sbom.spdx.json" "$work/first.json"
second=$("$root/deploy/image" "$binaries" "$work" | grep '^digest:')
[ "$first" = "$second" ] || { echo "FAIL: two builds differ"; exit 1; }
cmp "$work/first.json" "$work/sbom.spdx.json"

# What the archive holds, and that the Dockerfile makes the same of it.
rm -rf "$work/rootfs"
python3 - "$work" "$root/deploy" <<'EOT'
import json, pathlib, re, sys, tarfile
work, deploy = map(pathlib.Path, sys.argv[1:])
with tarfile.open(work / "datong.tar") as archive:
    def blob(digest):
        return archive.extractfile("blobs/" + digest.replace(":", "/"))
    manifest = json.load(blob(json.load(archive.extractfile("index.json"))["manifests"][0]["digest"]))
    image = json.load(blob(manifest["config"]["digest"]))
    assert len(manifest["layers"]) == 1, manifest
    with tarfile.open(fileobj=blob(manifest["layers"][0]["digest"])) as layer:
        files = layer.getmembers()
        layer.extractall(work / "rootfs", **({"filter": "fully_trusted"} if hasattr(tarfile, "fully_trusted_filter") else {}))
size = sum(f.size for f in files)
assert size <= 120e6, f"more than 120 MB: {size}"
print(f"{size / 1e6:.0f} MB in {len(files)} files")
programs = sorted(pathlib.Path(f.name).name for f in files if re.match(r"(\./)?usr/s?bin/.", f.name))
script = re.search(r"^programs=\((.*)\)$", (deploy / "image").read_text(), re.M)[1].split()
assert programs == sorted(script), f"unwanted programs: {programs}"
assert not any(f.mode & 0o6000 for f in files), "set-uid files"
config = image["config"]
dockerfile = (deploy / "docker/Dockerfile").read_text().replace("\\\n", " ")
assert config["User"] == re.search(r"^USER (.*)$", dockerfile, re.M)[1] == "65532:65532", config
assert sorted(p.removesuffix("/tcp") for p in config["ExposedPorts"]) == sorted(re.search(r"^EXPOSE (.*)$", dockerfile, re.M)[1].split()), config
assert config["Cmd"] == json.loads(re.search(r"^CMD (.*)$", dockerfile, re.M)[1]), config
assert sorted(re.search(r"--target ([a-z -]*)", dockerfile)[1].split()) == sorted(script), "the Dockerfile builds other programs"
sbom = json.loads((work / "sbom.spdx.json").read_text())
assert sbom["spdxVersion"] == "SPDX-2.3"
names = {p["name"] for p in sbom["packages"]}
assert {"libc6", "libpq5", "ca-certificates", *script} <= names, names
EOT

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
  # In the foreground: else the signal goes to the group as well, and the second one ends a service at once.
  timeout --foreground --preserve-status -s TERM -k 20 3 chroot --userspec=65532:65532 "$rootfs" \
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
