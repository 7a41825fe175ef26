#!/usr/bin/env python3
"""A real Prometheus over the running suite, after the demo: every rule, alert and panel is evaluated, names no metric and no
label that is not exported, and every panel has something to show.

prometheus_test.py FOLDER_OF_BINARIES [--processes]     # each service as a process of its own, which Prometheus scrapes one by one
"""

import json
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.parse
import urllib.request

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
RULES = ROOT / "deploy/prometheus/rules.yaml"
BINARIES = pathlib.Path(sys.argv[1])
PROCESSES = sys.argv[2:] == ["--processes"]
COMPONENTS = ["broker", "ingest", "datacube", "identity", "insight", "gateway"]
# Exported once the thing has happened that they tell of.
LATER = {"datong_db_errors_total", "datong_upstream_errcode_total", "datong_upstream_calls_limit",
         "datong_token_refresh_consecutive_failures", "ALERTS", "ALERTS_FOR_STATE"}
if not PROCESSES:  # they speak TLS to each other, one process does not to itself
    LATER |= {"datong_tls_certificate_not_after_timestamp_seconds", "datong_tls_certificate_not_before_timestamp_seconds"}
# Where each component is scraped; in one process every component's job looks at the same.
TARGET = re.compile(r"^  (\w+) .*metrics http://(127\.0\.0\.1:\d+)/metrics", re.M) if PROCESSES else \
    re.compile(r"^  (metrics) +http://(127\.0\.0\.1:\d+)/metrics", re.M)
SELECTOR = re.compile(r'(?<![\w:$"])([a-zA-Z_:][\w:]*)(?![\w:]|\s*\()(?:\{([^}]*)\})?')
GROUPING = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)")
WORDS = {"and", "or", "unless", "bool", "offset", "vector", "le", "inf", "NaN", "Inf"}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until(what, is_so, seconds=120):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if is_so():
                return
        except OSError:
            pass
        time.sleep(0.2)
    raise AssertionError(f"waited in vain until {what}")


def expressions():
    """(where, expression, whether a panel) of every rule, alert and panel."""
    for group in yaml.safe_load(RULES.read_text())["groups"]:
        for rule in group["rules"]:
            yield rule.get("alert") or rule["record"] + str(rule.get("labels", "")), rule["expr"], False
    for file in sorted((ROOT / "helm/datong/dashboards").glob("*.json")):
        for panel in json.loads(file.read_text())["panels"]:
            for target in panel["targets"]:
                expression = target["expr"].replace("$__rate_interval", "1m").replace("$__range", "1m")
                yield f"{file.stem}: {panel['title']}", re.sub(r"\$(namespace|job|pod)", ".*", expression), True


def selectors(expression):
    """(metric, its matched labels), and the labels that the expression groups by."""
    grouped = [l.strip() for group in GROUPING.findall(expression) for l in group.split(",") if l.strip()]
    bare = GROUPING.sub(" ", re.sub(r'"[^"]*"', '""', expression))
    found = [(name, re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", labels or "")) for name, labels in SELECTOR.findall(bare)
             if name not in WORDS and not re.fullmatch(r"[0-9.]+[smhdwy]?", name)]
    return found, grouped


class Prometheus(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        folder = pathlib.Path(cls.folder.name)
        log = open(folder / "demo.log", "w+", encoding="utf-8")
        cls.addClassCleanup(log.close)
        cls.demo = subprocess.Popen([BINARIES / "datong", "demo", "--keep", "--persons", "3000", "--days", "70", "--events", "20000",
                                     *["--processes"] * PROCESSES], stdout=log, stderr=subprocess.STDOUT)
        cls.addClassCleanup(cls.end, cls.demo)

        def said():
            return (folder / "demo.log").read_text()

        # The last address that is printed.
        wait_until("the demo is told", lambda: cls.demo.poll() is not None or "  database " in said(), 600)
        if "Every figure equals the simulator's own truth." not in said():
            raise AssertionError(said()[-3000:])
        targets = dict(TARGET.findall(said()))
        (folder / "prometheus.yaml").write_text(json.dumps({
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": [str(RULES)],
            "scrape_configs": [{"job_name": f"datong-{c}", "static_configs": [
                {"targets": [targets[c if PROCESSES else "metrics"]], "labels": {"namespace": "demo", "pod": f"{c}-0"}}]}
                for c in COMPONENTS]}))
        port = free_port()
        cls.url = f"http://127.0.0.1:{port}"
        cls.prometheus = subprocess.Popen(
            ["prometheus", f"--config.file={folder}/prometheus.yaml", f"--storage.tsdb.path={folder}/data",
             f"--web.listen-address=127.0.0.1:{port}", "--log.level=error"], stderr=subprocess.DEVNULL)
        cls.addClassCleanup(cls.end, cls.prometheus)
        wait_until("Prometheus has scraped", lambda: len(cls.query('min_over_time(up[1m]) == 1 and count_over_time(up[1m]) > 3')) == 6)

    @classmethod
    def tearDownClass(cls):
        cls.doClassCleanups()
        cls.folder.cleanup()

    @staticmethod
    def end(process):
        process.send_signal(signal.SIGINT)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    @classmethod
    def ask(cls, path, **parameters):
        with urllib.request.urlopen(f"{cls.url}/api/v1/{path}?{urllib.parse.urlencode(parameters)}", timeout=30) as answer:
            return json.load(answer)["data"]

    @classmethod
    def query(cls, expression):
        return cls.ask("query", query=expression)["result"]

    def labels_of(self, metric):
        series = self.ask("series", **{"match[]": metric})
        return {label for one in series for label in one} if series else None

    def test_no_rule_failed(self):
        wait_until("every rule has run", lambda: all(
            r["health"] != "unknown" for g in self.ask("rules")["groups"] for r in g["rules"]))
        rules = [r for g in self.ask("rules")["groups"] for r in g["rules"]]
        self.assertGreater(len(rules), 50)
        self.assertEqual([(r["name"], r["lastError"]) for r in rules if r["health"] != "ok"], [])

    def test_every_name_is_exported(self):
        exported = {}
        faults = set()
        count = 0
        for where, expression, _ in expressions():
            found, grouped = selectors(expression)
            count += len(found)
            known = {"namespace", "pod", "job", "instance", "le", "slo", "severity", "alertname"}
            is_whole = True
            for metric, labels in found:
                if metric not in exported:
                    exported[metric] = self.labels_of(metric)
                if exported[metric] is None:
                    is_whole = False
                    if metric not in LATER:
                        faults.add(f"{where}: {metric} is not exported")
                    continue
                known |= exported[metric]
                faults |= {f"{where}: {metric} has no label {l}" for l in labels if l not in exported[metric]}
            if is_whole:
                faults |= {f"{where}: groups by {l}" for l in grouped if l not in known}
        self.assertEqual(sorted(faults), [])
        self.assertGreater(count, 200)

    def test_every_panel_has_something_to_show(self):
        empty = []
        for where, expression, is_panel in expressions():
            if not is_panel:
                continue
            metrics = {m for m, _ in selectors(expression)[0]}
            # Ages of what waits are empty while nothing does.
            if not metrics & LATER and not self.query(expression.replace("} > 0)", "})")):
                empty.append((where, expression))
        self.assertEqual(empty, [])


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], "-v"])
