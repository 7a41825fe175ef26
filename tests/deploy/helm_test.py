#!/usr/bin/env python3
"""Renders the chart with real Helm 3 and 4 and looks at what comes out.

helm_test.py HELM [FOLDER_OF_BINARIES]
"""

import base64
import copy
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
CHART = ROOT / "helm/datong"
CASES = sorted((CHART / "ci").glob("*-values.yaml"))
COMPONENTS = ("broker", "ingest", "datacube", "identity", "insight", "gateway")
HELM = sys.argv[1]
BINARIES = pathlib.Path(sys.argv[2]) if len(sys.argv) > 2 else None


def helm(*arguments):
    return subprocess.run([HELM, *map(str, arguments)], capture_output=True, text=True)


def merged(base, over):
    result = copy.deepcopy(base)
    for key, value in over.items():
        result[key] = merged(result[key], value) if isinstance(value, dict) and isinstance(result.get(key), dict) else value
    return result


def render(values):
    """(objects, error) of the values: a path, or a map laid over the minimal values."""
    arguments = ["template", "dt", CHART, "--namespace", "prod"]
    if isinstance(values, pathlib.Path):
        done = helm(*arguments, "--values", values)
    else:
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            json.dump(merged(yaml.safe_load((CHART / "ci/minimal-values.yaml").read_text()), values), file)
            file.flush()
            done = helm(*arguments, "--values", file.name)
    if done.returncode:
        return None, done.stderr
    return [o for o in yaml.safe_load_all(done.stdout) if o], done.stdout


def pick(objects, kind, name=None):
    found = [o for o in objects if o["kind"] == kind and name in (None, o["metadata"]["name"])]
    assert found, f"no {kind} {name}"
    return found[0] if name else found


def workloads(objects):
    return [o for o in objects if o["kind"] in ("Deployment", "StatefulSet")]


class Renders(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.rendered = {}
        for case in CASES:
            objects, text = render(case)
            assert objects is not None, f"{case.name}: {text}"
            cls.rendered[case.name.removesuffix("-values.yaml")] = (objects, text)

    def each_pod(self):
        for case, (objects, _) in self.rendered.items():
            for o in objects:
                spec = o["spec"] if o["kind"] == "Pod" else o.get("spec", {}).get("template", {}).get("spec")
                if isinstance(spec, dict) and "containers" in spec:
                    yield f"{case}: {o['kind']} {o['metadata']['name']}", spec

    def test_lint_finds_nothing(self):
        for case in CASES:
            done = helm("lint", CHART, "--strict", "--values", case)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_rendering_twice_gives_the_same_bytes(self):
        for case in CASES:
            self.assertEqual(render(case)[1], self.rendered[case.name.removesuffix("-values.yaml")][1])

    def test_an_object_is_named_once(self):
        for case, (objects, _) in self.rendered.items():
            names = [(o["kind"], o["metadata"]["name"]) for o in objects]
            self.assertEqual(len(names), len(set(names)), case)

    def test_labels_and_selectors(self):
        for case, (objects, _) in self.rendered.items():
            for o in objects:
                if o["metadata"]["name"] == "extra":
                    continue
                labels = o["metadata"]["labels"]
                for key in ("name", "instance", "version", "part-of", "managed-by"):
                    self.assertIn("app.kubernetes.io/" + key, labels, (case, o["metadata"]["name"]))
                self.assertIn("helm.sh/chart", labels)
            for o in workloads(objects):
                selector = o["spec"]["selector"]["matchLabels"]
                self.assertEqual(
                    {k.split("/")[1] for k in selector}, {"name", "instance", "component"})
                pod = o["spec"]["template"]["metadata"]["labels"]
                self.assertEqual(pod | selector, pod)

    def test_pods_are_locked_down(self):
        for what, spec in self.each_pod():
            self.assertFalse(spec["automountServiceAccountToken"], what)
            self.assertFalse(spec["enableServiceLinks"], what)
            security = spec["securityContext"]
            self.assertTrue(security["runAsNonRoot"], what)
            self.assertEqual((security["runAsUser"], security["runAsGroup"]), (65532, 65532), what)
            self.assertEqual(security["seccompProfile"]["type"], "RuntimeDefault", what)
            for container in spec["containers"]:
                security = container["securityContext"]
                self.assertFalse(security["allowPrivilegeEscalation"], what)
                self.assertTrue(security["readOnlyRootFilesystem"], what)
                self.assertEqual(security["capabilities"], {"drop": ["ALL"]}, what)
                self.assertNotIn("cpu", container["resources"]["limits"], what)

    def test_every_mount_has_its_volume(self):
        for what, spec in self.each_pod():
            volumes = {v["name"] for v in spec.get("volumes", [])}
            for container in spec["containers"]:
                self.assertLessEqual({m["name"] for m in container.get("volumeMounts", [])}, volumes, what)

    def test_probes_ask_the_health_port(self):
        for _, (objects, _) in self.rendered.items():
            for o in workloads(objects):
                container = o["spec"]["template"]["spec"]["containers"][0]
                for probe, service in (("startup", "readiness"), ("liveness", "liveness"), ("readiness", "readiness")):
                    self.assertEqual(container[probe + "Probe"]["grpc"], {"port": 9001, "service": service})

    def test_everything_referred_to_is_there(self):
        made_elsewhere = {"datong-database", "datong-keys", "database-ca", "db", "keys"}
        for case, (objects, _) in self.rendered.items():
            have = {(o["kind"], o["metadata"]["name"]) for o in objects}
            for o in workloads(objects):
                spec = o["spec"]["template"]["spec"]
                self.assertTrue(spec["serviceAccountName"] == "default"
                                or ("ServiceAccount", spec["serviceAccountName"]) in have, case)
                for volume in spec["volumes"]:
                    if "configMap" in volume:
                        self.assertIn(("ConfigMap", volume["configMap"]["name"]), have)
                    if "secret" in volume:
                        self.assertIn(volume["secret"]["secretName"], made_elsewhere)
                if o["kind"] == "StatefulSet":
                    self.assertIn(("Service", o["spec"]["serviceName"]), have)
            self.assertNotIn("Secret", {kind for kind, _ in have})

    def test_peers_are_services_of_the_release(self):
        for _, (objects, _) in self.rendered.items():
            services = {o["metadata"]["name"] for o in objects if o["kind"] == "Service"}
            for o in objects:
                for host in re.findall(r"dns:///([a-z-]+):9000", json.dumps(o)):
                    self.assertIn(host, services)

    def test_minimal_has_the_six_components(self):
        objects, _ = self.rendered["minimal"]
        self.assertEqual({(o["kind"], o["metadata"]["name"]) for o in workloads(objects)},
                         {("StatefulSet" if c == "ingest" else "Deployment", f"dt-datong-{c}") for c in COMPONENTS})
        for c in COMPONENTS:
            self.assertEqual(pick(objects, "Service", f"dt-datong-{c}-headless")["spec"]["clusterIP"], "None")
            pdb = pick(objects, "PodDisruptionBudget", f"dt-datong-{c}")
            self.assertEqual(pdb["spec"]["unhealthyPodEvictionPolicy"], "AlwaysAllow")
        self.assertEqual(pick(objects, "StatefulSet", "dt-datong-ingest")["spec"]["podManagementPolicy"], "Parallel")
        broker = pick(objects, "Deployment", "dt-datong-broker")["spec"]
        self.assertEqual(broker["replicas"], 2)
        container = broker["template"]["spec"]["containers"][0]
        self.assertEqual(container["image"], "registry.example.com/datong:0.1.0")
        self.assertEqual(container["command"], ["/usr/bin/datong-broker"])

    def test_migrations(self):
        objects, _ = self.rendered["minimal"]
        job = pick(objects, "Job", "dt-datong-migrations")
        notes = job["metadata"]["annotations"]
        self.assertEqual(notes["helm.sh/hook"], "pre-install,pre-upgrade")
        for kind in ("ServiceAccount", "ConfigMap"):
            self.assertEqual(
                pick(objects, kind, "dt-datong-migrations")["metadata"]["annotations"]["helm.sh/hook-weight"], "-10")
        objects, _ = self.rendered["full"]
        job = pick(objects, "Job", "dt-datong-migrations-0-1-0-1")
        self.assertNotIn("annotations", job["metadata"])
        dsn = pick(objects, "ConfigMap", "dt-datong-migrations")["data"]["dsn"]
        self.assertIn("host=a.example.com port=6432", dsn)
        self.assertNotIn("Job", {o["kind"] for o in self.rendered["gateway-api"][0]})

    def test_autoscaling_leaves_replicas_out(self):
        objects, _ = self.rendered["full"]
        self.assertNotIn("replicas", pick(objects, "StatefulSet", "dt-datong-ingest")["spec"])
        target = pick(objects, "HorizontalPodAutoscaler", "dt-datong-ingest")["spec"]["scaleTargetRef"]
        self.assertEqual(target["kind"], "StatefulSet")
        self.assertEqual(pick(objects, "Deployment", "dt-datong-broker")["spec"]["replicas"], 3)

    def test_a_component_overrides_the_defaults(self):
        objects, _ = self.rendered["full"]
        spec = pick(objects, "StatefulSet", "dt-datong-ingest")["spec"]["template"]["spec"]
        self.assertEqual(spec["containers"][0]["resources"]["limits"]["memory"], "2Gi")
        self.assertEqual({c["whenUnsatisfiable"] for c in spec["topologySpreadConstraints"]},
                         {"ScheduleAnyway", "DoNotSchedule"})
        self.assertEqual(spec["containers"][0]["startupProbe"]["failureThreshold"], 120)

    def test_changed_settings_roll_the_pods(self):
        def checksums(values):
            objects, error = render(values)
            self.assertIsNotNone(objects, error)
            return {o["metadata"]["name"]: o["spec"]["template"]["metadata"]["annotations"]["checksum/config"]
                    for o in workloads(objects)}
        before = checksums({})
        after = checksums({"components": {"broker": {"config": {"log.level": "debug"}}}})
        self.assertEqual({n for n in before if before[n] != after[n]}, {"dt-datong-broker"})

    def test_routes_publish_collection_and_what_wechat_needs_alone(self):
        wanted = [("/v1/", "dt-datong-ingest"), ("/v3/", "dt-datong-ingest"), ("/wechat/", "dt-datong-gateway"),
                  ("/wecom/", "dt-datong-gateway"), ("/authorize/", "dt-datong-gateway")]
        objects, _ = self.rendered["full"]
        for rule in pick(objects, "Ingress", "dt-datong")["spec"]["rules"]:
            self.assertEqual([(p["path"], p["backend"]["service"]["name"]) for p in rule["http"]["paths"]],
                             wanted)
        objects, _ = self.rendered["gateway-api"]
        rules = pick(objects, "HTTPRoute", "dt-datong")["spec"]["rules"]
        self.assertEqual([(r["matches"][0]["path"]["value"], r["backendRefs"][0]["name"]) for r in rules], wanted)

    def test_network_policy(self):
        objects, _ = self.rendered["full"]
        own = pick(objects, "NetworkPolicy", "dt-datong")["spec"]
        self.assertEqual(own["policyTypes"], ["Ingress", "Egress"])
        self.assertIn({"ports": [{"port": 6432}], "to": [{"ipBlock": {"cidr": "10.1.0.0/16"}}]}, own["egress"])
        with_internet = [o["metadata"]["name"] for o in pick(objects, "NetworkPolicy") if "0.0.0.0/0" in json.dumps(o)]
        self.assertEqual(with_internet, ["dt-datong-broker"])
        self.assertNotIn("NetworkPolicy", {o["kind"] for o in self.rendered["gateway-api"][0]})

    def test_rules_are_those_of_the_file(self):
        tested = yaml.safe_load((ROOT / "deploy/prometheus/rules.yaml").read_text())["groups"]
        objects, _ = self.rendered["gateway-api"]
        self.assertEqual(pick(objects, "PrometheusRule", "dt-datong")["spec"]["groups"], tested)
        objects, _ = self.rendered["full"]
        alerts = {r.get("alert") for g in pick(objects, "PrometheusRule", "dt-datong")["spec"]["groups"] for r in g["rules"]}
        self.assertNotIn("DatongVersionSkew", alerts)
        self.assertIn("DatongTokenNearExpiry", alerts)

    def test_dashboards_are_those_of_the_files(self):
        objects, _ = self.rendered["full"]
        shipped = {k: json.loads(v) for o in pick(objects, "ConfigMap")
                   if o["metadata"].get("labels", {}).get("grafana_dashboard") for k, v in o["data"].items()}
        files = {f.name: json.loads(f.read_text()) for f in (CHART / "dashboards").glob("*.json")}
        self.assertEqual(shipped, files)

    def test_monitors(self):
        objects, _ = self.rendered["full"]
        monitor = pick(objects, "ServiceMonitor", "dt-datong")
        self.assertEqual(monitor["metadata"]["labels"]["release"], "prometheus")
        for service in pick(objects, "Service"):
            headless = service["spec"].get("clusterIP") == "None"
            self.assertEqual(headless, "datong.dev/headless" in service["metadata"]["labels"])
        pick(self.rendered["gateway-api"][0], "PodMonitor", "dt-datong")

    def test_selftest(self):
        pod = pick(self.rendered["minimal"][0], "Pod", "dt-datong-selftest")
        self.assertEqual(len(pod["spec"]["containers"][0]["args"]), 7)
        self.assertNotIn("Pod", {o["kind"] for o in self.rendered["partial"][0]})

    def test_notes_warn(self):
        # Without a cluster Helm renders notes only where another template includes them.
        with tempfile.TemporaryDirectory() as folder:
            chart = shutil.copytree(CHART, pathlib.Path(folder) / "datong")
            (chart / "templates/notes.yaml").write_text(
                'data: |\n{{ include (print $.Template.BasePath "/NOTES.txt") . | indent 2 }}\n')
            done = helm("template", "dt", chart, "--values", CHART / "ci/gateway-api-values.yaml",
                        "--show-only", "templates/notes.yaml")
        self.assertEqual(done.returncode, 0, done.stderr)
        for sentence in ("NOT authenticated", "networkPolicy.enabled is false", "for a simulator only", "audit.failOpen is true"):
            self.assertIn(sentence, done.stdout)

    def test_the_binaries_take_the_settings(self):
        if BINARIES is None or not list(BINARIES.glob("datong-*")):
            self.skipTest("no binaries are built")
        for case, (objects, _) in self.rendered.items():
            with tempfile.TemporaryDirectory() as folder:
                folder = pathlib.Path(folder)
                (folder / "keys").mkdir()
                (folder / "keys/k").write_text(base64.b64encode(bytes(range(32))).decode())
                (folder / "keys/active").write_text("k")
                (folder / "password").write_text("secret")
                for o in pick(objects, "ConfigMap"):
                    if "datong.toml" not in o["data"]:
                        continue
                    component = o["metadata"]["name"].removeprefix("dt-datong-")
                    (folder / "dsn").write_text(o["data"].get("dsn", ""))
                    text = (o["data"]["datong.toml"].replace("/etc/datong/config", str(folder))
                            .replace("/etc/datong/keys", str(folder / "keys")))
                    text = re.sub(r"/etc/datong/database/[a-z]+", str(folder / "password"), text)
                    (folder / "datong.toml").write_text(text)
                    binary = BINARIES / f"datong-{component}"
                    if not binary.exists():
                        binary = BINARIES / "datong-all-in-one"
                        if component == "gateway":  # which needs no database
                            continue
                        text += f'keys.folder = "{folder}/keys"\n' if component != "broker" else ""
                        (folder / "datong.toml").write_text(text)
                    done = subprocess.run([binary, f"--config={folder}/datong.toml", "--check-config"],
                                          capture_output=True, text=True, env={"PATH": os.environ["PATH"]})
                    self.assertEqual(done.returncode, 0, f"{case} {component}: {done.stderr}\n{text}")


class Refuses(unittest.TestCase):
    """Each wrong value stops rendering, with a message that names the key."""

    CASES = [
        ({"tls": {"enabled": True}}, "tls: this chart does not"),
        ({"auth": {"mode": ["mtls"]}}, "auth: this chart does not"),
        ({"privacy": {}}, "privacy: "),
        ({"insecure": {"allow": False}}, "insecure.allow must be true"),
        ({"image": {"repository": ""}}, "image.repository must be set"),
        ({"database": {"host": ""}}, "database.host must be set"),
        ({"database": {"existingSecret": ""}}, "database.existingSecret must name"),
        ({"encryption": {"existingSecret": ""}}, "encryption.existingSecret must name"),
        ({"publicUrl": ""}, "publicUrl must be set"),
        ({"metrics": {"serviceMonitor": {"enabled": True}, "podMonitor": {"enabled": True}}}, "choose one"),
        ({"gatewayRoute": {"hosts": ["a.b"], "ingress": {"enabled": True}, "gateway": {"enabled": True}}}, "choose one"),
        ({"gatewayRoute": {"ingress": {"enabled": True}}}, "gatewayRoute.hosts must name"),
        ({"gatewayRoute": {"hosts": ["a.b"], "gateway": {"enabled": True}}}, "parentRefs must name"),
        ({"wechat": {"apiUrl": "http://sim:1"}}, "must begin with https://"),
        ({"components": {"identity": {"enabled": False}}}, "needs components.identity.enabled"),
        ({"components": {"gateway": {"autoscaling": {"enabled": True, "minReplicas": 20}}}}, "minReplicas must not be above"),
        ({"defaults": {"terminationGracePeriodSeconds": 10}}, "must be at least 30"),
        ({"components": {"broker": {"config": {"keys.folder": "/x"}}}}, "keys.folder is set by another value"),
        # By the schema:
        ({"replicas": 3}, "replicas"),
        ({"image": {"digest": "abc"}}, "digest"),
        ({"image": {"pullPolicy": "Sometimes"}}, "pullPolicy"),
        ({"database": {"port": 0}}, "port"),
        ({"database": {"sslMode": "yes"}}, "sslMode"),
        ({"database": {"pool": {"max": 1}}}, "max"),
        ({"migrations": {"mode": "auto"}}, "mode"),
        ({"components": {"crm": {}}}, "crm"),
        ({"components": {"broker": {"config": {"plain": 1}}}}, "plain"),
        ({"defaults": {"replicas": -1}}, "replicas"),
        ({"defaults": {"topologySpread": {"zone": "Maybe"}}}, "zone"),
        ({"audit": {"spoolSize": "256MB"}}, "spoolSize"),
        ({"publicUrl": "datong.example.com"}, "publicUrl"),
        ({"networkPolicy": {"databaseCIDRs": ["10.0.0.1"]}}, "databaseCIDRs"),
        ({"insecure": {"allow": "true"}}, "allow"),
    ]

    def test_wrong_values(self):
        for values, sentence in self.CASES:
            with self.subTest(values=values):
                objects, error = render(values)
                self.assertIsNone(objects)
                self.assertIn(sentence, error)

    def test_an_umbrella_chart_may_say_enabled(self):
        self.assertIsNotNone(render({"enabled": True, "global": {"anything": 1}})[0])


class Documents(unittest.TestCase):
    def test_the_table_of_values_is_current(self):
        done = subprocess.run([ROOT / "helm/readme.py", "--check"], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_the_schema_knows_every_value(self):
        schema = json.loads((CHART / "values.schema.json").read_text())

        def walk(values, schema, path):
            schema = schema.get("$ref") and json.loads((CHART / "values.schema.json").read_text())["definitions"]["component"] or schema
            for key, value in values.items():
                self.assertIn(key, schema["properties"], path)
                if isinstance(value, dict) and value and "properties" in schema["properties"][key]:
                    walk(value, schema["properties"][key], f"{path}.{key}")

        walk(yaml.safe_load((CHART / "values.yaml").read_text()), schema, "")


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], "-v"])
