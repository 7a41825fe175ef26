#!/usr/bin/env python3
"""Runs what the chart renders, from the image's files, as a node of Kubernetes would: pods_test.py HELM IMAGE

The manifests are rendered by a real Helm; each pod is its container's command in a root of its own (read-only, uid 65532, the
volumes as the manifest mounts them), with certificates as cert-manager makes them, beside a real PostgreSQL. Then the procedures
of docs/operating.md are followed. IMAGE is the folder with `rootfs` that deploy/image made. Needs root; ends with 77 without.
"""

import base64
import json
import os
import pathlib
import re
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.request

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
HELM, ROOTFS = sys.argv[1], pathlib.Path(sys.argv[2]).resolve() / "rootfs"
BIN = pathlib.Path("/usr/lib/postgresql/15/bin")
COMPONENTS = ("broker", "ingest", "datacube", "identity", "insight", "gateway")
ADDRESS = {c: f"127.0.1.{i + 1}" for i, c in enumerate(COMPONENTS)}
UID = 65532


def run(*command, check=True, **options):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, errors="replace", **options)
    if check and done.returncode:
        raise AssertionError(f"{command} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done


def wait_until(what, is_so, seconds=60):
    end = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > end:
            raise AssertionError(f"waited in vain until {what}")
        time.sleep(0.1)


class Authority:
    """What cert-manager does with a CA issuer."""

    KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")

    def __init__(self, folder):
        self.folder = folder
        run("openssl", "req", "-x509", *self.KEY, "-days", 1, "-subj", "/CN=test", "-keyout", folder / "ca.key", "-out", folder / "ca.crt")

    def issue(self, certificate):
        """The entries of the Secret that a Certificate asks for."""
        spec, folder = certificate["spec"], self.folder
        names = [f"URI:{u}" for u in spec["uris"]] + [f"DNS:{n}" for n in spec.get("dnsNames", [])]
        (folder / "names").write_text("subjectAltName=" + ",".join(names) + "\n")
        run("openssl", "req", *self.KEY, "-subj", "/", "-keyout", folder / "key", "-out", folder / "request")
        run("openssl", "x509", "-req", "-in", folder / "request", "-CA", folder / "ca.crt", "-CAkey", folder / "ca.key", "-CAcreateserial",
            "-days", 1, "-extfile", folder / "names", "-out", folder / "crt")
        return {name: (folder / file).read_text() for name, file in (("tls.crt", "crt"), ("tls.key", "key"), ("ca.crt", "ca.crt"))}


class Pod:
    """One pod of a manifest. `config_maps` and `secret_data` are what its volumes are filled from."""

    def __init__(self, name, spec, config_maps, secret_data, folder):
        self.name, self.spec = name, spec
        self.config_maps, self.secret_data = config_maps, secret_data
        self.container = spec["containers"][0]
        self.root = folder / name
        self.log = folder / f"{name}.log"
        self.process = None
        self.mounts = []  # (folder, [(data, items, mode)], whether it is read-only)
        self.make_root()

    def make_root(self):
        root = self.root
        root.mkdir(parents=True)
        run("mount", "-t", "tmpfs", "-o", "mode=0755", "tmpfs", root)
        for entry in ROOTFS.iterdir():
            if entry.is_symlink():
                (root / entry.name).symlink_to(os.readlink(entry))
            elif entry.name == "usr":
                (root / "usr").mkdir()
                run("mount", "--bind", entry, root / "usr")
                run("mount", "-o", "remount,bind,ro", root / "usr")
            else:
                run("cp", "-a", entry, root / entry.name)
        (root / "etc/hosts").write_text("".join(
            f"{address} dt-datong-{c} dt-datong-{c}-headless\n" for c, address in ADDRESS.items()))
        volumes = {v["name"]: v for v in self.spec.get("volumes", [])}
        for mount in self.container.get("volumeMounts", []):
            path = root / mount["mountPath"].lstrip("/")
            path.mkdir(parents=True, exist_ok=True)
            volume = volumes[mount["name"]]
            run("mount", "-t", "tmpfs", "-o", f"mode=2770,gid={UID}", "tmpfs", path)
            sources = [s for s in map(self.source, volume.get("projected", {}).get("sources", [volume])) if s]
            self.mounts.append((path, sources, mount.get("readOnly", False)))
        self.follow()
        run("mount", "-o", "remount,ro", root)

    def source(self, volume):
        if "configMap" in volume:
            return self.config_maps[volume["configMap"]["name"]], volume["configMap"].get("items"), 0o644
        if "secret" in volume:
            name = volume["secret"].get("secretName") or volume["secret"]["name"]
            return self.secret_data[name], volume["secret"].get("items"), volume["secret"].get("defaultMode", 0o440)
        return None  # emptyDir

    def follow(self):
        """Takes what the Secrets are now, as a kubelet does after a while."""
        for folder, sources, is_read_only in self.mounts:
            if not sources:
                continue
            run("mount", "-o", "remount,rw", folder)
            wanted = {}
            for data, items, mode in sources:
                wanted |= {i["path"]: (data[i["key"]], mode) for i in items or [{"key": key, "path": key} for key in data]}
            for name, (content, mode) in wanted.items():
                draft = folder / f".{name}.new"
                draft.write_text(content)
                os.chown(draft, 0, UID)
                draft.chmod(mode)
                draft.rename(folder / name)
            for old in set(os.listdir(folder)) - set(wanted):
                (folder / old).unlink()
            if is_read_only:
                run("mount", "-o", "remount,ro", folder)

    def command(self, *words, environment=None):
        return dict(args=[shutil.which("chroot"), f"--userspec={UID}:{UID}", str(self.root), *words], cwd="/",
                    env={e["name"]: e["value"] for e in self.container.get("env", [])} | (environment or {}))

    # For commands that end: c-ares would wait for a name server each time, and there is none.
    QUICK = {"GRPC_DNS_RESOLVER": "native"}

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                **self.command(*self.container["command"], *self.container["args"]), stdout=log, stderr=subprocess.STDOUT)

    def execute(self, *words, **options):
        """As `kubectl exec`."""
        environment = self.QUICK | (options.pop("environment", None) or {})
        return subprocess.run(**self.command(*words, environment=environment, **options), capture_output=True, text=True, check=False)

    def run_to_end(self, environment=None):
        return self.execute(*self.container["command"], *self.container["args"], environment=environment)

    def is_ready(self):
        if self.process.poll() is not None:
            raise AssertionError(f"{self.name} ended with {self.process.returncode}:\n{self.log.read_text()[-4000:]}")
        probe = self.container["startupProbe"]["grpc"]
        component = self.name.removeprefix("dt-datong-")
        return self.execute("/usr/bin/datong", "health", f"--address={ADDRESS[component]}:{probe['port']}",
                            f"--service={probe['service']}").returncode == 0


class Database:
    def __init__(self, folder, password):
        self.folder = folder
        folder.mkdir()
        shutil.chown(folder, "postgres", "postgres")
        self.as_postgres(BIN / "initdb", "-D", folder / "data", "-A", "trust", "--no-sync")
        (folder / "data/pg_hba.conf").write_text("local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n")
        self.begin()
        self.sql("postgres", f"CREATE ROLE datong LOGIN PASSWORD '{password}'")
        self.sql("postgres", "CREATE DATABASE datong OWNER datong")

    def begin(self):
        self.as_postgres(BIN / "pg_ctl", "-D", self.folder / "data", "-w", "-l", self.folder / "log",
                         "-o", f"-c listen_addresses=127.0.0.1 -c fsync=off -k {self.folder}", "start")

    @staticmethod
    def as_postgres(*command):
        # Not through run(): a server that goes on would hold its pipes.
        with tempfile.TemporaryFile("w+") as out:
            done = subprocess.run(["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", *map(str, command)],
                                  stdout=out, stderr=out, check=False, cwd="/")
            out.seek(0)
            text = out.read()
        if done.returncode:
            raise AssertionError(f"{command}: {text}")
        return text

    def sql(self, database, text):
        return self.as_postgres(BIN / "psql", "-h", self.folder, "-d", database, "-Atqc", text)

    def stop(self):
        self.as_postgres(BIN / "pg_ctl", "-D", self.folder / "data", "-m", "immediate", "stop")


def rendered(folder, values):
    (folder / "values.yaml").write_text(json.dumps(values))
    text = run(HELM, "template", "dt", ROOT / "helm/datong", "--namespace", "prod", "--values", folder / "values.yaml").stdout
    return [o for o in yaml.safe_load_all(text) if o]


class Pods(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="datong-pods-"))
        cls.folder.chmod(0o755)
        cls.authority = Authority(cls.folder)
        password = secrets.token_hex(8)
        cls.database = Database(cls.folder / "postgres", password)
        cls.key, line = cls.new_api_key("admin")
        cls.secret_data = {
            "database": {"password": password},
            "keys": {"2026a": base64.b64encode(secrets.token_bytes(32)).decode(), "active": "2026a"},
            "callers": {"api-keys": line},
        }
        cls.objects = rendered(cls.folder, {
            "image": {"repository": "datong"},
            "publicUrl": f"http://{ADDRESS['gateway']}:8080",
            "database": {"host": "127.0.0.1", "existingSecret": "database", "sslMode": "disable"},
            "encryption": {"existingSecret": "keys"},
            "auth": {"mode": ["mtls", "api_key"], "apiKeysSecret": "callers", "policy": {"grants": [
                {"callers": ["key:admin"], "permissions": ["*"], "projects": ["*"], "api_paths": ["*"]}]}},
            "tls": {"certManager": {"enabled": True, "issuerRef": {"name": "ca"}}},
            "metrics": {"prometheusRule": {"enabled": True}},
            # All pods share this machine's network; the files are read again within a second instead of a minute.
            "components": {c: {"config": {"server.address": ADDRESS[c], "tls.reload_interval": "1s"}} for c in COMPONENTS},
        })
        for o in cls.objects:
            if o["kind"] == "Certificate":
                cls.secret_data[o["spec"]["secretName"]] = cls.authority.issue(o)
        cls.config_maps = {o["metadata"]["name"]: o["data"] for o in cls.objects if o["kind"] == "ConfigMap"}
        cls.pods = {}
        migration = cls.pod(next(o for o in cls.objects if o["kind"] == "Job"))
        done = migration.run_to_end()
        assert done.returncode == 0, done.stdout + done.stderr
        cls.services = [cls.pod(o) for o in cls.objects if o["kind"] in ("Deployment", "StatefulSet")]
        cls.start()

    @classmethod
    def tearDownClass(cls):
        for pod in cls.services:
            if pod.process.poll() is None:
                pod.process.kill()
        cls.database.stop()
        # The mounts end with this process's namespace.
        shutil.rmtree(cls.folder, ignore_errors=True)

    @classmethod
    def pod(cls, o):
        spec = o["spec"] if o["kind"] == "Pod" else o["spec"]["template"]["spec"]
        pod = Pod(o["metadata"]["name"], spec, cls.config_maps, cls.secret_data, cls.folder / "pods")
        cls.pods[pod.name] = pod
        return pod

    @classmethod
    def start(cls):
        for pod in cls.services:
            pod.start()
        for pod in cls.services:
            wait_until(f"{pod.name} is ready", pod.is_ready, 120)

    @classmethod
    def new_api_key(cls, name):
        """The key, and its line for the services."""
        done = run(ROOTFS / "usr/bin/datong", "api-key", "new", "--id", name)
        key = re.search(r"^key: *(\S+)$", done.stdout, re.M)[1]
        return key, re.search(r"^line: (.*)$", done.stdout, re.M)[1] + "\n"

    def call(self, component, *words, key=None, status=0):
        """An RPC over TLS with an API key; its JSON."""
        pod = self.pods[f"dt-datong-{component}"]
        (pod.root / "tmp/key").write_text(key or self.key)
        done = pod.execute("/usr/bin/datong", component, *words, "--json", f"--address=dt-datong-{component}:9000",
                           environment={"DATONG_TLS_CA_FILE": "/etc/datong/tls/ca.crt", "DATONG_API_KEY_FILE": "/tmp/key"})
        self.assertEqual(done.returncode, status, f"{words}: {done.stdout}{done.stderr}")
        return json.loads(done.stdout) if status == 0 and done.stdout.strip() else None

    def answers(self, *arguments, **options):
        try:
            self.call(*arguments, **options)
            return True
        except AssertionError:
            return False

    def follow(self):
        for pod in self.services:
            pod.follow()

    @classmethod
    def stop(cls):
        for pod in cls.services:
            pod.process.send_signal(signal.SIGTERM)
        return {pod.name: pod.process.wait(pod.spec["terminationGracePeriodSeconds"]) for pod in cls.services}

    def selftest(self, **options):
        pod = self.pods.get("dt-datong-selftest") or self.pod(next(o for o in self.objects if o["kind"] == "Pod"))
        pod.follow()
        return pod.run_to_end(**options)

    def test_1_the_self_test_passes(self):
        done = self.selftest()
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        for line in ("ok      a token is refused to who does not say who it is", "ok      an event is stored once",
                     *(f"ok      {c} serves at dns:///dt-datong-{c}:9000" for c in COMPONENTS)):
            self.assertIn(line, done.stdout)
        # It is its certificate that lets it in.
        nameless = {"DATONG_TLS_CERT_FILE": "/none", "DATONG_TLS_KEY_FILE": "/none"}
        done = self.selftest(environment=nameless)
        self.assertEqual(done.returncode, 1)
        self.assertIn("FAILED  an event is stored once", done.stdout)

    def test_2_callers_are_told_apart(self):
        self.call("broker", "list-projects")
        stranger, line = self.new_api_key("shop")
        self.call("broker", "list-projects", key=stranger, status=10 + 16)
        # No grant, but known: the line is taken while everything runs.
        before = self.secret_data["callers"]["api-keys"]
        self.secret_data["callers"]["api-keys"] += line
        self.follow()
        for component, rpc in (("broker", "list-projects"), ("identity", "get-graph-stats --project demo")):
            wait_until("the key is known", lambda: self.answers(component, *rpc.split(), key=stranger, status=10 + 7))
        self.secret_data["callers"]["api-keys"] = before
        self.follow()
        wait_until("the key is forgotten", lambda: self.answers("broker", "list-projects", key=stranger, status=10 + 16))
        # Plaintext reaches nobody.
        done = self.pods["dt-datong-broker"].execute("/usr/bin/datong", "broker", "list-projects", "--address=dt-datong-broker:9000")
        self.assertEqual(done.returncode, 10 + 14, done.stdout + done.stderr)

    def test_2_every_alert_leads_to_its_runbook(self):
        rules = next(o for o in self.objects if o["kind"] == "PrometheusRule")
        alerts = [r for g in rules["spec"]["groups"] for r in g["rules"] if "alert" in r]
        self.assertGreater(len(alerts), 20)
        for alert in alerts:
            with urllib.request.urlopen(alert["annotations"]["runbook_url"], timeout=10) as answer:
                self.assertIn("## Mitigation", answer.read().decode(), alert["alert"])

    def served_certificate(self, component):
        done = run("openssl", "s_client", "-connect", f"{ADDRESS[component]}:9000", "-alpn", "h2", input="", check=False)
        return run("openssl", "x509", "-noout", "-serial", input=done.stdout).stdout

    def test_3_certificates_are_renewed(self):
        before = {c: self.served_certificate(c) for c in COMPONENTS}
        for o in self.objects:
            if o["kind"] == "Certificate":
                self.secret_data[o["spec"]["secretName"]].update(self.authority.issue(o))
        self.follow()
        for c in COMPONENTS:
            wait_until(f"{c} serves with its new certificate", lambda: self.served_certificate(c) != before[c])
        self.assertEqual(self.selftest().returncode, 0)

    def test_4_keys_are_replaced(self):
        self.call("broker", "create-project", "--project-id", "demo", "--project.display-name", "Demo")
        broker = self.pods["dt-datong-broker"]
        (broker.root / "tmp/secret").write_text("0123456789abcdef0123456789abcdef")
        self.call("broker", "create-app", "--project", "demo", "--app.appid", "wx0123456789abcdef", "--app.kind", "mini_program",
                  "--credentials.app-secret", "@/tmp/secret")
        database = ("--folder=/etc/datong/keys", "--dsn-file=/etc/datong/config/dsn", "--password-file=/etc/datong/database/password")

        def status():
            return broker.execute("/usr/bin/datong", "keys", "status", *database).stdout

        self.assertRegex(status(), r"2026a.*[1-9]")
        self.secret_data["keys"]["2026b"] = base64.b64encode(secrets.token_bytes(32)).decode()
        self.follow()
        self.secret_data["keys"]["active"] = "2026b"
        self.follow()
        done = broker.execute("/usr/bin/datong", "keys", "rewrap", *database)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertRegex(status(), r"2026a\s+0 values\s+may be removed")
        del self.secret_data["keys"]["2026a"]
        self.follow()
        self.assertNotIn("2026a", status())
        self.assertEqual(self.selftest().returncode, 0)

    def person(self, status=0):
        return self.call("identity", "resolve", "--project", "demo", "--identifier", "login:main:m1", status=status)

    def link(self):
        return self.call("identity", "link", "--project", "demo", "--evidence.kind", "tenant.login", "--evidence.ids", "login:main:m1",
                         "--evidence.ids", "openid:wx0123456789abcdef:o1", "--evidence.observed-time", "2026-01-01T00:00:00Z")

    def erase(self):
        self.call("identity", "erase", "--project", "demo", "--identifier", "login:main:m1", "--basis", "ticket 7", "--hold-back", "0s")

    def test_5_a_backup_is_restored_and_who_was_erased_since_stays_away(self):
        wait_until("identity knows the project", lambda: self.answers("identity", "get-graph-stats", "--project", "demo"))
        self.link()
        self.person()
        dump = self.database.folder / "dump"
        self.database.as_postgres(BIN / "pg_dump", "-h", self.database.folder, "-Fc", "-f", dump, "datong")
        self.erase()
        self.person(status=10 + 5)
        self.assertEqual(set(self.stop().values()), {0})
        self.database.sql("postgres", "DROP DATABASE datong")
        self.database.sql("postgres", "CREATE DATABASE datong OWNER datong")
        self.database.as_postgres(BIN / "pg_restore", "-h", self.database.folder, "-d", "datong", "--exit-on-error", dump)
        done = self.pods["dt-datong-migrations"].run_to_end()
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.start()
        self.person()  # A backup knows nothing of what came after it:
        self.erase()   # the requests of the time since are made again.
        self.person(status=10 + 5)
        self.link()
        self.person(status=10 + 5)
        self.assertEqual(self.selftest().returncode, 0)

    def test_6_the_database_comes_back(self):
        self.database.stop()
        insight = self.pods["dt-datong-insight"]
        wait_until("insight is not ready", lambda: not insight.is_ready(), 90)
        self.assertTrue(self.pods["dt-datong-broker"].is_ready())  # It serves from memory.
        self.database.begin()
        for pod in self.services:
            wait_until(f"{pod.name} is ready", pod.is_ready)
        self.assertEqual(self.selftest().returncode, 0)

    def test_7_pods_end_within_their_grace(self):
        self.assertEqual(self.stop(), {pod.name: 0 for pod in self.services})


if __name__ == "__main__":
    # A network, mounts and processes of its own: nothing stays behind.
    if os.environ.get("DATONG_PODS") != "inside":
        unshare = ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"]
        if os.getuid() != 0 or not ROOTFS.exists() or subprocess.run([*unshare, "true"], check=False).returncode:
            print("SKIPPED: the chart's pods were NOT run: that needs root, namespaces, and the files of the image", file=sys.stderr)
            sys.exit(77)
        os.execvpe("unshare", [*unshare, sys.executable, *sys.argv], os.environ | {"DATONG_PODS": "inside"})
    run("ip", "link", "set", "lo", "up")
    unittest.main(argv=[sys.argv[0], "-v"], failfast=True)
