#!/usr/bin/env python3
"""Holds compose.yaml against the binaries. No engine needed.

compose_test.py [FOLDER_OF_BINARIES]
"""

import base64
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDER = ROOT / "deploy/compose"
BINARIES = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else None
TEXT = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", (FOLDER / "compose.yaml").read_text())
COMPOSE = yaml.safe_load(TEXT)
SERVICES = COMPOSE["services"]
OURS = ("broker", "ingest", "identity", "datacube", "insight", "gateway")


def binary(name):
    path = BINARIES / pathlib.Path(name).name if BINARIES else None
    return path if path and path.exists() else None


class Compose(unittest.TestCase):
    def test_everything_is_there(self):
        self.assertLessEqual({*OURS, "postgres", "migrate", "prometheus", "grafana", "wechat-sim"}, set(SERVICES))
        self.assertEqual(SERVICES["wechat-sim"]["profiles"], ["simulator"])
        for name, service in SERVICES.items():
            for what in service.get("depends_on", {}):
                self.assertIn(what, SERVICES, name)
            for secret in service.get("secrets", []):
                self.assertIn(secret, COMPOSE["secrets"], name)
            for config in service.get("configs", []):
                self.assertIn(config["source"], COMPOSE["configs"], name)
        for config in COMPOSE["configs"].values():
            if "file" in config:
                self.assertTrue((FOLDER / config["file"]).exists(), config)

    def test_ours_are_locked_down_and_private(self):
        for name in (*OURS, "migrate", "wechat-sim"):
            self.assertTrue(SERVICES[name]["read_only"], name)
            self.assertEqual((SERVICES[name]["user"], SERVICES[name]["cap_drop"]), ("65532:65532", ["ALL"]), name)
        for name, service in SERVICES.items():
            for port in service.get("ports", []):
                self.assertTrue(port.startswith("127.0.0.1:"), name)
        for name in OURS:
            ports = {p.rsplit(":", 1)[1] for p in SERVICES[name].get("ports", [])}
            self.assertLessEqual(ports, {"9000", "8080"} if name in ("gateway", "ingest") else {"9000"}, name)

    def test_peers_are_services(self):
        for name in OURS:
            for key, value in SERVICES[name]["environment"].items():
                if key.startswith("DATONG_PEERS_"):
                    self.assertEqual(value, key.removeprefix("DATONG_PEERS_").lower() + ":9000")

    def test_services_know_each_other_by_their_certificates(self):
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run([FOLDER / "certificates", folder], check=True)
            for name in OURS:
                environment = SERVICES[name]["environment"]
                self.assertNotIn("DATONG_INSECURE_ALLOW", environment, name)
                self.assertIn(f"./secrets/tls/{name}:/etc/datong/tls:ro", SERVICES[name]["volumes"])
                text = subprocess.run(["openssl", "x509", "-noout", "-ext", "subjectAltName", "-in", f"{folder}/{name}/tls.crt"],
                                      check=True, capture_output=True, text=True).stdout
                self.assertIn(f"URI:{environment['DATONG_AUTH_SERVICES_' + name.upper()]},", text)
                self.assertIn(f"DNS:{name},", text)
                subprocess.run(["openssl", "verify", "-CAfile", f"{folder}/{name}/ca.crt", f"{folder}/{name}/tls.crt"],
                               check=True, capture_output=True)

    def test_prometheus_takes_its_files(self):
        config = yaml.safe_load((FOLDER / "prometheus.yaml").read_text())
        self.assertEqual([j["job_name"] for j in config["scrape_configs"]],
                         [f"datong-{c}" for c in ("broker", "ingest", "datacube", "identity", "insight", "gateway")])
        self.assertEqual({t for j in config["scrape_configs"] for s in j["static_configs"] for t in s["targets"]},
                         {f"{c}:9464" for c in OURS})
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            config["rule_files"] = [str((ROOT / "deploy/prometheus/rules.yaml").resolve())]
            yaml.safe_dump(config, file)
            file.flush()
            done = subprocess.run(["promtool", "check", "config", file.name], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_services_take_their_settings(self):
        checked = 0
        for name in OURS:
            program = binary(SERVICES[name]["command"][0])
            if program is None:
                continue
            with tempfile.TemporaryDirectory() as folder:
                folder = pathlib.Path(folder)
                (folder / "keys").mkdir()
                (folder / "callers").mkdir()
                subprocess.run([FOLDER / "certificates", folder / "made"], check=True)
                (folder / "tls").symlink_to(folder / "made" / name)
                for file, content in (("dsn", COMPOSE["configs"]["dsn"]["content"]), ("password", "x"), ("keys/active", "a"),
                                      ("callers/api-keys", f"admin {'0' * 64}\n"),
                                      ("callers/policy.toml", (FOLDER / "policy.toml").read_text()),
                                      ("keys/a", base64.b64encode(bytes(32)).decode())):
                    (folder / file).write_text(content)
                environment = {k: str(v).replace("/etc/datong", str(folder))
                               .replace("/run/secrets", str(folder)) for k, v in SERVICES[name]["environment"].items()}

                def run(option):
                    return subprocess.run([program, *SERVICES[name]["command"][1:], option], capture_output=True, text=True,
                                          env=environment | {"PATH": os.environ["PATH"]})

                done = run("--check-config")
                self.assertEqual(done.returncode, 0, f"{name}: {done.stderr}")
                known = set(re.findall(r"^  --([a-z_.]+)=", run("--help").stdout, re.M))
                printed = dict(re.findall(r"^([a-z_.]+) = (.*)$", run("--print-config").stdout, re.M))
                for variable, value in environment.items():
                    key = next((k for k in printed if variable == "DATONG_" + k.upper().replace(".", "_")), None)
                    self.assertIsNotNone(key, f"{name}: nothing takes {variable}")
                    # Names of services are the operator's.
                    self.assertIn(re.sub(r"^(peers|auth\.services)\..*", r"\1.<name>", key), known | {"peers.<name>", "auth.services.<name>"})
                    self.assertEqual(re.sub(r'[\[\]" ]', "", printed[key]), value.replace(" ", ""), f"{name}: {variable}")
                # And listens where the others and the published ports look for it.
                for key, port in (("server.grpc_port", "9000"), ("server.health_port", "9001"), ("server.metrics_port", "9464"),
                                  ("server.http_port", "8080")):
                    self.assertEqual(printed.get(key, port), port, name)
                self.assertIn(printed["server.address"].strip('"'), ("0.0.0.0",), name)
                checked += 1
        if not checked:
            self.skipTest("no service is built")

    def test_ours_are_asked_whether_they_serve(self):
        for name in OURS:
            self.assertEqual(SERVICES[name]["healthcheck"]["test"], ["CMD", "/usr/bin/datong", "health"], name)
        for name in ("migrate", "wechat-sim"):
            self.assertEqual(SERVICES[name]["healthcheck"], {"disable": True}, name)

    def test_commands_take_their_flags(self):
        checks = [SERVICES[name]["healthcheck"]["test"][1:] for name in OURS]
        for command in (SERVICES["migrate"]["command"], SERVICES["wechat-sim"]["command"], *checks):
            program = binary(command[0])
            if program is None:
                self.skipTest(f"{command[0]} is not built")
            words = [c for c in command[1:] if not c.startswith("--")]
            done = subprocess.run([program, *words, "--help"], capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, command)
            for flag in (c.split("=")[0] for c in command[1:] if c.startswith("--")):
                self.assertRegex(done.stdout, rf"(?m)(^|[\s,]){flag}[\s,=]", command)
        # Without flags, the health check asks the port that the processes serve it at.
        health = subprocess.run([binary("datong"), "health", "--help"], capture_output=True, text=True).stdout
        self.assertIn("127.0.0.1:9001", health)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], "-v"])
