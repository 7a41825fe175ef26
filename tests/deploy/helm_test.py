#!/usr/bin/env python3
"""Renders the chart with real Helm 3 and 4 and looks at what comes out.

helm_test.py HELM [FOLDER_OF_BINARIES]
helm_test.py HELM --keep FOLDER     before a release: keeps its values, and what later releases must leave as it is, in FOLDER
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
import tomllib
import unittest

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
CHART = ROOT / "helm/datong"
CASES = sorted((CHART / "ci").glob("*-values.yaml"))
COMPONENTS = ("broker", "ingest", "datacube", "identity", "insight", "gateway")
HELM = sys.argv[1]
# The example of RFC 7517.
JWK = {"kty": "EC", "crv": "P-256", "kid": "1", "use": "sig", "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
       "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}
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


def settings_of(objects, component):
    """The component's settings by their dotted names."""
    def flat(table, prefix):
        for key, value in table.items():
            if isinstance(value, dict):
                yield from flat(value, f"{prefix}{key}.")
            else:
                yield prefix + key, value
    return dict(flat(tomllib.loads(pick(objects, "ConfigMap", f"dt-datong-{component}")["data"]["datong.toml"]), ""))


def fixed_fields(objects):
    """What an upgrade cannot change in place, by kind and name."""
    fields = {"Deployment": ["selector"], "StatefulSet": ["selector", "serviceName", "podManagementPolicy", "volumeClaimTemplates"],
              "Service": ["clusterIP"]}
    return {f"{o['kind']}/{o['metadata']['name']}": {f: o["spec"].get(f) for f in fields[o["kind"]]} for o in objects if o["kind"] in fields}


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

    def test_kubernetes_knows_every_field(self):
        models = ROOT / ".deps/node_modules"
        if not (models / "kubernetes-models").exists():
            self.assertNotEqual(os.environ.get("CI"), "true", "no schemas of Kubernetes: run tools/deps test")
            self.skipTest("NOT validated against Kubernetes' schemas: run tools/deps test")

        def faults(objects):
            done = subprocess.run(["node", ROOT / "tests/deploy/validate_objects.mjs", models],
                                  input=json.dumps(objects), capture_output=True, text=True)
            self.assertEqual(done.stderr, "")
            return done.stdout

        for case, (objects, _) in self.rendered.items():
            self.assertEqual(faults(objects), "", case)
        # And would not know these.
        for kind, change in (("Deployment", {"spec": {"replica": 2}}), ("Certificate", {"spec": {"uri": []}}), ("Job", {"spec": {"backoffLimit": "3"}})):
            wrong = merged(pick(self.rendered["minimal"][0], kind)[0], change)
            self.assertIn(next(iter(change["spec"])), faults([wrong]))

    def test_an_object_is_named_once(self):
        for case, (objects, _) in self.rendered.items():
            names = [(o["kind"], o["metadata"]["name"]) for o in objects]
            self.assertEqual(len(names), len(set(names)), case)

    def test_every_object_and_pod_has_its_labels(self):
        wanted = {"app.kubernetes.io/" + k for k in ("name", "instance", "version", "part-of", "managed-by")} | {"helm.sh/chart"}
        of_components = wanted | {"app.kubernetes.io/component"}
        for case, (objects, _) in self.rendered.items():
            for o in objects:
                name = o["metadata"]["name"]
                if name == "extra":
                    continue
                whole = name == "dt-datong" and o["kind"] not in ("Ingress", "HTTPRoute") or "-dashboard-" in name
                self.assertEqual((wanted if whole else of_components) - set(o["metadata"]["labels"]), set(), (case, o["kind"], name))
                pod = o.get("spec", {}).get("template", {}).get("metadata")
                if o["kind"] in ("Deployment", "StatefulSet", "Job"):
                    self.assertEqual(of_components - set(pod["labels"]), set(), (case, o["kind"], name))

    def test_selectors_select_by_name_instance_and_component_alone(self):
        allowed = {"app.kubernetes.io/" + k for k in ("name", "instance", "component")}

        def selectors(o):
            """Of pods and Services of ours; namespaces are the operator's own."""
            if isinstance(o, list):
                for item in o:
                    yield from selectors(item)
            elif isinstance(o, dict):
                for key, value in o.items():
                    if key in ("selector", "podSelector", "labelSelector") and value:
                        yield value
                    elif key != "namespaceSelector":
                        yield from selectors(value)

        for case, (objects, _) in self.rendered.items():
            pods = [o["spec"]["template"]["metadata"]["labels"] for o in workloads(objects)]
            for o in objects:
                for selector in selectors(o.get("spec", {})):
                    labels = selector if o["kind"] == "Service" else selector.get("matchLabels", {})
                    self.assertNotIn("matchExpressions", selector)
                    self.assertLessEqual(set(labels), allowed, (case, o["kind"], o["metadata"]["name"]))
                    self.assertTrue(any(labels.items() <= pod.items() for pod in pods), (case, o["kind"], o["metadata"]["name"]))
                    if o["kind"] in ("Service", "Deployment", "StatefulSet", "PodDisruptionBudget"):
                        self.assertEqual(set(labels), allowed, (case, o["kind"], o["metadata"]["name"]))

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
        made_elsewhere = {"datong-database", "datong-keys", "database-ca", "db", "keys", "services", "callers",
                          "datong-tls-services", "datong-jwks", "datong-callers"}
        for case, (objects, _) in self.rendered.items():
            have = {(o["kind"], o["metadata"]["name"]) for o in objects}
            by_cert_manager = {o["spec"]["secretName"] for o in objects if o["kind"] == "Certificate"}
            for o in workloads(objects):
                spec = o["spec"]["template"]["spec"]
                self.assertTrue(spec["serviceAccountName"] == "default"
                                or ("ServiceAccount", spec["serviceAccountName"]) in have, case)
                for volume in spec["volumes"]:
                    if "configMap" in volume:
                        self.assertIn(("ConfigMap", volume["configMap"]["name"]), have)
                    if "secret" in volume:
                        self.assertIn(volume["secret"]["secretName"], made_elsewhere | by_cert_manager)
                    for source in volume.get("projected", {}).get("sources", []):
                        if "secret" in source:
                            self.assertIn(source["secret"]["name"], made_elsewhere)
                        else:
                            self.assertIn(("ConfigMap", source["configMap"]["name"]), have)
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
        job = pick(objects, "Job", "dt-datong-migrations-0-2-0-1")
        self.assertNotIn("annotations", job["metadata"])
        self.assertIn("--lock-timeout=5s", job["spec"]["template"]["spec"]["containers"][0]["args"])
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
        # The services follow the policy by themselves.
        self.assertEqual(checksums({"auth": {"policy": {"grants": [{"callers": ["a"], "permissions": ["*"], "projects": ["*"]}]}}}), before)

    def test_routes_lead_collection_to_ingest_and_the_rest_to_the_gateway(self):
        collect = [("/v1/", "dt-datong-ingest"), ("/v3/", "dt-datong-ingest")]
        # Where callers need no credentials, RPCs and console stay inside.
        public = [(path, "dt-datong-gateway") for path in ("/wechat/", "/wecom/", "/authorize/")]
        for case, wanted in (("full", [*collect, ("/", "dt-datong-gateway")]), ("insecure", collect + public)):
            for rule in pick(self.rendered[case][0], "Ingress", "dt-datong")["spec"]["rules"]:
                self.assertEqual([(p["path"], p["backend"]["service"]["name"]) for p in rule["http"]["paths"]], wanted)
        objects, _ = self.rendered["gateway-api"]
        rules = pick(objects, "HTTPRoute", "dt-datong")["spec"]["rules"]
        self.assertEqual([(r["matches"][0]["path"]["value"], r["backendRefs"][0]["name"]) for r in rules], collect + public)

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

        def with_addresses(runbooks, grafana):
            """The groups of the file, with other addresses and nothing else changed."""
            groups = copy.deepcopy(tested)
            for notes in (r["annotations"] for g in groups for r in g["rules"] if "alert" in r):
                notes["runbook_url"] = notes["runbook_url"].replace("http://127.0.0.1:8080/runbooks", runbooks)
                notes["dashboard_url"] = notes["dashboard_url"].replace("http://127.0.0.1:3000", grafana)
            return groups

        objects, _ = self.rendered["gateway-api"]
        self.assertEqual(pick(objects, "PrometheusRule", "dt-datong")["spec"]["groups"], with_addresses("http://datong.test/runbooks", ""))
        objects, _ = self.rendered["full"]
        wanted = with_addresses("https://wiki.example.com/datong", "https://grafana.example.com")
        for group in wanted:
            group["rules"] = [r for r in group["rules"] if r.get("alert") != "DatongVersionSkew"]
        self.assertEqual(pick(objects, "PrometheusRule", "dt-datong")["spec"]["groups"], wanted)
        self.assertNotIn("127.0.0.1", json.dumps(pick(objects, "PrometheusRule")))

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
        # A pod is found once: by the Service that has the port.
        for service in pick(objects, "Service"):
            headless = service["spec"].get("clusterIP") == "None"
            self.assertEqual(headless, "metrics" not in {p["name"] for p in service["spec"]["ports"]})
        pick(self.rendered["gateway-api"][0], "PodMonitor", "dt-datong")

    def test_selftest(self):
        pod = pick(self.rendered["minimal"][0], "Pod", "dt-datong-selftest")
        self.assertEqual(len(pod["spec"]["containers"][0]["args"]), 7)
        self.assertIn("--insecure", pick(self.rendered["insecure"][0], "Pod", "dt-datong-selftest")["spec"]["containers"][0]["args"])
        self.assertNotIn("Pod", {o["kind"] for o in self.rendered["partial"][0]})

    def notes(self, case):
        # Without a cluster Helm renders notes only where another template includes them.
        with tempfile.TemporaryDirectory() as folder:
            chart = shutil.copytree(CHART, pathlib.Path(folder) / "datong")
            (chart / "templates/notes.yaml").write_text(
                'data: |\n{{ include (print $.Template.BasePath "/NOTES.txt") . | indent 2 }}\n')
            done = helm("template", "dt", chart, "--values", CHART / f"ci/{case}-values.yaml", "--show-only", "templates/notes.yaml")
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def test_notes_warn(self):
        loud = self.notes("gateway-api")
        for sentence in ("insecure.allow is true", "networkPolicy.enabled is false", "for a simulator only", "audit.failOpen is true"):
            self.assertIn("WARNING: ", loud)
            self.assertIn(sentence, loud)
        self.assertNotIn("NOT encrypted", loud)
        self.assertIn("NOT encrypted", self.notes("insecure"))
        quiet = self.notes("minimal")
        self.assertNotIn("WARNING", quiet)
        self.assertIn("helm test dt", quiet)
        self.assertIn("auth.policy grants nothing yet", quiet)
        self.assertNotIn("auth.policy grants nothing yet", self.notes("full"))

    def test_services_know_each_other_by_their_certificates(self):
        objects, _ = self.rendered["minimal"]
        for component in (*COMPONENTS, "selftest"):
            spec = pick(objects, "Certificate", f"dt-datong-{component}")["spec"]
            self.assertEqual((spec["duration"], spec["renewBefore"], spec["issuerRef"]), ("24h", "8h", {"name": "datong-ca"}))
            self.assertEqual(spec["uris"], [f"spiffe://cluster.local/ns/prod/sa/dt-datong-{component}"])
            if component == "selftest":
                pod = pick(objects, "Pod", "dt-datong-selftest")["spec"]
            else:
                pod = next(o for o in workloads(objects) if o["metadata"]["name"].endswith(component))["spec"]["template"]["spec"]
                self.assertEqual(spec["uris"][0].rsplit("/", 1)[1], pod["serviceAccountName"])
                settings = settings_of(objects, component)
                self.assertEqual(settings["auth.services." + component], spec["uris"][0])
                self.assertFalse(settings["insecure.allow"])
                # Clients check the name that they call.
                for other in COMPONENTS:
                    for key, address in settings_of(objects, other).items():
                        if key == "peers." + component:
                            self.assertIn(re.fullmatch(r"dns:///(.*):9000", address).group(1), spec["dnsNames"])
            mount = next(v for v in pod["volumes"] if v["name"] == "tls")
            self.assertEqual(mount["secret"]["secretName"], spec["secretName"])
        # Of one Secret for all, each sees its own.
        objects, _ = self.rendered["full"]
        self.assertNotIn("Certificate", {o["kind"] for o in objects})
        mount = next(v for v in pick(objects, "Deployment", "dt-datong-broker")["spec"]["template"]["spec"]["volumes"] if v["name"] == "tls")
        self.assertEqual({i["key"]: i["path"] for i in mount["secret"]["items"]},
                         {"ca.crt": "ca.crt", "broker.crt": "tls.crt", "broker.key": "tls.key"})

    def test_plaintext_needs_insecure_allow(self):
        for case, (objects, _) in self.rendered.items():
            for component in (c for c in COMPONENTS if any(o["metadata"]["name"] == f"dt-datong-{c}" for o in workloads(objects))):
                settings = settings_of(objects, component)
                self.assertEqual("tls.cert_file" in settings, case != "insecure", case)
                self.assertTrue("tls.cert_file" in settings or settings["insecure.allow"], case)

    def test_the_policy_is_the_operators_and_the_self_tests(self):
        grants = tomllib.loads(pick(self.rendered["full"][0], "ConfigMap", "dt-datong-identity")["data"]["policy.toml"])["grants"]
        given = yaml.safe_load((CHART / "ci/full-values.yaml").read_text())["auth"]["policy"]["grants"]
        self.assertEqual(grants[:-1], given)
        self.assertEqual((grants[-1]["callers"], grants[-1]["projects"]), (["spiffe://example.com/ns/prod/sa/dt-datong-selftest"], ["selftest"]))

    def test_the_binaries_take_the_settings(self):
        missing = [c for c in COMPONENTS if BINARIES is None or not (BINARIES / f"datong-{c}").exists()]
        if missing:
            self.skipTest(f"not built: {missing}")
        with tempfile.TemporaryDirectory() as made:
            made = pathlib.Path(made)
            subprocess.run([ROOT / "deploy/compose/certificates", made], check=True)
            for name, text in (("password", "secret"), ("k", base64.b64encode(bytes(range(32))).decode()), ("active", "k"), ("2026a", ""),
                               ("api-keys", f"shop {'0' * 64}\n"), ("jwks.json", json.dumps({"keys": [JWK]}))):
                (made / name).write_text(text)
            for case, (objects, _) in self.rendered.items():
                for component in COMPONENTS:
                    if ("ConfigMap", f"dt-datong-{component}") in {(o["kind"], o["metadata"]["name"]) for o in objects}:
                        self.check_settings(case, objects, component, made)

    def check_settings(self, case, objects, component, made):
        data = pick(objects, "ConfigMap", f"dt-datong-{component}")["data"]
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            (folder / "keys").mkdir()
            for path, target in (("tls", made / component), ("keys/k", made / "k"), ("keys/2026a", made / "k"), ("database", made), ("callers", made),
                                 ("jwks", made), ("keys/active", folder / "config/active" if "active" in data else made / "active")):
                (folder / path).symlink_to(target)
            (folder / "config").mkdir()
            for name, text in data.items():
                (folder / "config" / name).write_text(text)
            text = data["datong.toml"].replace('"/etc/datong/', f'"{folder}/')
            text = re.sub(r"/database/[a-z]+", "/database/password", text)
            (folder / "datong.toml").write_text(text)
            done = subprocess.run([BINARIES / f"datong-{component}", f"--config={folder}/datong.toml", "--check-config"],
                                  capture_output=True, text=True, env={"PATH": os.environ["PATH"]})
        self.assertEqual(done.returncode, 0, f"{case} {component}: {done.stderr}\n{text}")


class Upgrades(unittest.TestCase):
    """Values of the release before render, and nothing changes that Kubernetes does not let change."""

    def test_values_of_the_release_before(self):
        releases = sorted((ROOT / "tests/deploy/previous").iterdir())
        self.assertTrue(releases)
        for release in releases:
            fixed = json.loads((release / "fixed.json").read_text())
            for case in release.glob("*-values.yaml"):
                objects, error = render(case)
                self.assertIsNotNone(objects, f"{release.name} {case.name}: {error}")
                now = fixed_fields(objects)
                for name, fields in fixed[case.name].items():
                    self.assertEqual(now.get(name), fields, f"{release.name} {case.name}: {name}")

    def test_the_way_out_of_the_insecure_mode_is_written_down(self):
        version = yaml.safe_load((CHART / "Chart.yaml").read_text())["version"]
        upgrading = (CHART / "UPGRADING.md").read_text()
        self.assertIn(f"## To {version}\n", upgrading)
        for release in (ROOT / "tests/deploy/previous").iterdir():
            self.assertIn(f"## To {release.name}\n", upgrading)


class Refuses(unittest.TestCase):
    """Each wrong value stops rendering, with a message that names the key."""

    CASES = [
        ({"tls": {"enabled": False}}, "tls.enabled is false, and plaintext needs insecure.allow"),
        ({"tls": {"certManager": {"enabled": False}}}, "tls.existingSecret must name"),
        ({"tls": {"existingSecret": "x"}}, "tls.existingSecret and tls.certManager.enabled: choose one"),
        ({"tls": {"certManager": {"issuerRef": {"name": ""}}}}, "tls.certManager.issuerRef.name must name"),
        ({"tls": {"certManager": {"duration": "1 day"}}}, "duration"),
        ({"tls": {"certManager": {"issuer": "x"}}}, "issuer"),
        ({"serviceAccount": {"create": False}}, "serviceAccount.create must be true with TLS"),
        ({"auth": {"mode": []}}, "auth.mode must say how"),
        ({"auth": {"mode": ["password"]}}, "mode"),
        ({"auth": {"mode": ["mtls", "jwt"]}}, "auth.jwt.jwksSecret must be set"),
        ({"auth": {"mode": ["mtls", "jwt"], "jwt": {"jwksSecret": "x", "issuer": "y"}}}, "auth.jwt.audience must be set"),
        ({"auth": {"mode": ["mtls", "api_key"]}}, "auth.apiKeysSecret must name"),
        ({"auth": {"mode": ["api_key"], "apiKeysSecret": "x"}}, "tests.enabled needs mtls"),
        ({"auth": {"trustDomain": "Not A Domain"}}, "trustDomain"),
        ({"auth": {"policy": {"grants": [{"callers": ["a"], "permissions": ["b"]}]}}}, "projects"),
        ({"auth": {"policy": {"grants": [{"callers": ["a"], "permissions": ["b"], "projects": "c"}]}}}, "projects"),
        ({"auth": {"policy": {"grants": [{"callers": ["a"], "permissions": ["api.call"], "projects": ["c"]}]}}}, "grants[0].api_paths must say"),
        ({"privacy": {"phoneClearText": True}}, "privacy.phoneClearText: phone numbers"),
        ({"privacy": {"eventRetentionDays": 0}}, "eventRetentionDays"),
        ({"wechat": {"apps": []}}, "wechat.apps: apps and their secrets"),
        ({"wechat": {"existingSecret": "x"}}, "wechat.existingSecret: apps and their secrets"),
        ({"encryption": {"activeKey": "a/b"}}, "activeKey"),
        ({"migrations": {"lockTimeout": 10}}, "lockTimeout"),
        ({"metrics": {"prometheusRule": {"runbookUrl": "wiki"}}}, "runbookUrl"),
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


def keep(folder):
    folder.mkdir(parents=True)
    kept = {}
    for case in CASES:
        shutil.copy(case, folder)
        kept[case.name] = fixed_fields(render(case)[0])
    (folder / "fixed.json").write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    if "--keep" in sys.argv:
        keep(pathlib.Path(sys.argv[3]))
        sys.exit()
    unittest.main(argv=[sys.argv[0], "-v"])
