#!/usr/bin/env python3
"""Rules, dashboards and runbooks: every alert fires when it should and is quiet when it should, has its runbook, and nothing
names a metric that the suite does not export.

rules_test.py [FOLDER_OF_BINARIES]
"""

import json
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
RULES = ROOT / "deploy/prometheus/rules.yaml"
RUNBOOKS = ROOT / "docs/runbooks"
BINARIES = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else None
GROUPS = yaml.safe_load(RULES.read_text())["groups"]
ALERTS = {r["alert"]: r for g in GROUPS for r in g["rules"] if "alert" in r}
TARGETS = ["broker", "ingest", "datacube", "identity", "insight", "gateway"]

RPC = 'grpc_server_handled_total{grpc_service="datong.broker.v1.TokenService",grpc_method="GetToken",grpc_code="%s"}'
PAIR = '{kind="stable_access_token",app="wx1"}'
TICKET = 'datong_component_ticket_received_timestamp_seconds{app="wx1"}'
OLDEST = 'datong_ingest_oldest_pending_timestamp_seconds{queue="writer"}'
QUEUE = '{job="datong-ingest",instance="a",queue="writer"}'
CALLBACKS = 'http_requests_total{handler="wechat_callback",code="200"}'
BAD_SIGNATURE = 'datong_ingest_rejected_total{source="callback",reason="bad_signature"}'
ASKED = 'datong_upstream_requests_total{api="user/info",result="%s"}'
POOL = '{job="datong-broker",instance="a"%s}'
LINES = 'datong_log_dropped_total{job="datong-ingest",reason="full"}'
SPANS = 'datong_trace_spans_dropped_total{job="datong-ingest",reason="queue_full"}'
CALLS_TODAY = 'datong_upstream_calls_today{api="/cgi-bin/user/get",app="wx1"}'
CALLS_LIMIT = 'datong_upstream_calls_limit{api="/cgi-bin/user/get",app="wx1"}'
OLDEST_DELETE = 'datong_privacy_oldest_open_timestamp_seconds{type="delete"}'
CERT = 'datong_tls_certificate_not_%s_timestamp_seconds{job="datong-broker",usage="server"}'
JOB = '{job_name="datacube_nightly"}'

# alert → when it is looked at, what makes it fire, what keeps it quiet (one sample a minute, from time 0)
CASES = {
    "DatongErrorBudgetBurnFast": ("70m", {RPC % "OK": "0+54x80", RPC % "Unavailable": "0+6x80"},
                                  {RPC % "OK": "0+60x80", RPC % "NotFound": "0+6x80", RPC % "Unavailable": "0x80"}),
    "DatongErrorBudgetBurnSlow": ("26h", {RPC % "OK": "0+998x1600", RPC % "Internal": "0+2x1600"},
                                  {RPC % "OK": "0+9999x1600", RPC % "Internal": "0+1x1600"}),
    "DatongTargetMissing": ("5m", {f'up{{job="datong-{c}"}}': "0x10" if c == "broker" else "1x10" for c in TARGETS},
                            {f'up{{job="datong-{c}"}}': "1x10" for c in TARGETS}),
    "DatongTokenNearExpiry": ("12m", {"datong_token_expiry_timestamp_seconds" + PAIR: "700x20"},
                              {"datong_token_expiry_timestamp_seconds" + PAIR: "7200x20"}),
    "DatongTokenRefreshFailing": ("10m", {"datong_token_refresh_consecutive_failures" + PAIR: "3x20"},
                                  {"datong_token_refresh_consecutive_failures" + PAIR: "2x20"}),
    "DatongTokenFight": ("30m", {'datong_token_invalidations_total{kind="k",reason="upstream"}': "0+1x40"},
                         {'datong_token_invalidations_total{kind="k",reason="upstream"}': "2x40",
                          'datong_token_invalidations_total{kind="k",reason="reauthorized"}': "0+1x40"}),
    "DatongComponentTicketStale": ("40m", {TICKET: "1x60"}, {TICKET: "1+60x60"}),
    "DatongComponentTicketDead": ("390m", {TICKET: "1x400"}, {TICKET: "1+60x400"}),
    "DatongAuthorizerNeedsReauth": ("20m", {'datong_authorizers{state="needs_reauth"}': "1x30"},
                                    {'datong_authorizers{state="needs_reauth"}': "0x30", 'datong_authorizers{state="revoked"}': "1x30"}),
    "DatongAuditWriteFailing": ("10m", {'datong_audit_writes_total{result="error"}': "0+1x20"},
                                {'datong_audit_writes_total{result="error"}': "7x20", 'datong_audit_writes_total{result="spooled"}': "0+1x20"}),
    "DatongDecryptFailing": ("20m", {'datong_crypto_failures_total{op="decrypt",reason="key_missing"}': "0+1x30"},
                             {'datong_crypto_failures_total{op="decrypt",reason="key_missing"}': "3x30",
                              'datong_crypto_failures_total{op="encrypt",reason="key_missing"}': "0+1x30"}),
    "DatongAuthzDenySpike": ("25m", {'datong_authz_decisions_total{job="datong-broker",decision="deny",reason="not_granted"}': "0+300x40",
                                     'datong_authz_decisions_total{job="datong-broker",decision="allow",reason="granted"}': "0+600x40"},
                             {'datong_authz_decisions_total{job="datong-broker",decision="deny",reason="not_granted"}': "0+300x40",
                              'datong_authz_decisions_total{job="datong-broker",decision="allow",reason="granted"}': "0+9000x40"}),
    "DatongIngestLagging": ("15m", {OLDEST: "1x20"}, {OLDEST: "0x20"}),
    "DatongIngestLagHigh": ("15m", {OLDEST: "1x20"}, {OLDEST: "-100+60x20"}),
    "DatongIngestQueueNearFull": ("10m", {"datong_ingest_queue_events" + QUEUE: "90x20", "datong_ingest_queue_capacity_events" + QUEUE: "100x20"},
                                  {"datong_ingest_queue_events" + QUEUE: "50x20", "datong_ingest_queue_capacity_events" + QUEUE: "100x20"}),
    "DatongCallbackRejected": ("25m", {BAD_SIGNATURE: "0+10x40", CALLBACKS: "0+100x40"}, {BAD_SIGNATURE: "0+1x40", CALLBACKS: "0+100x40"}),
    "DatongQuarantineGrowing": ("30m", {'datong_quarantined_events{reason="bad_encoding"}': "0+1x40"},
                                {'datong_quarantined_events{reason="bad_encoding"}': "5x40"}),
    "DatongDatacubeIncomplete": ("7h", {'datong_datacube_days_missing{api="getusersummary"}': "2x430"},
                                 {'datong_datacube_days_missing{api="getusersummary"}': "0x430"}),
    "DatongUpstreamErrors": ("20m", {ASKED % "ok": "0+8x30", ASKED % "errcode": "0+2x30"}, {ASKED % "ok": "0+99x30", ASKED % "errcode": "0+1x30"}),
    "DatongDbPoolSaturated": ("10m", {"datong_db_pool_connections" + POOL % ',state="in_use"': "10x20", "datong_db_pool_max_connections" + POOL % "": "10x20"},
                              {"datong_db_pool_connections" + POOL % ',state="in_use"': "5x20", "datong_db_pool_max_connections" + POOL % "": "10x20"}),
    "DatongDbErrors": ("10m", {'datong_db_errors_total{job="datong-ingest",op="write",class="conn"}': "0+30x20"},
                       {'datong_db_errors_total{job="datong-ingest",op="write",class="40"}': "0+30x20"}),
    "DatongJobStale": ("40m", {"datong_job_last_success_timestamp_seconds" + JOB: "1x60", "datong_job_interval_seconds" + JOB: "600x60"},
                       {"datong_job_last_success_timestamp_seconds" + JOB: "1+60x60", "datong_job_interval_seconds" + JOB: "600x60"}),
    "DatongVersionSkew": ("70m", {'datong_build_info{version="1",pod="a"}': "1x80", 'datong_build_info{version="2",pod="b"}': "1x80"},
                          {'datong_build_info{version="1",pod="a"}': "1x80", 'datong_build_info{version="1",pod="b"}': "1x80"}),
    "DatongTelemetryDropped": ("35m", {LINES: "0+1x50", SPANS: "0x50"}, {LINES: "9x50", SPANS: "9x50"}),
    "DatongUpstreamQuotaHigh": ("20m", {CALLS_TODAY: "850x40", CALLS_LIMIT: "1000x40"}, {CALLS_TODAY: "700x40", CALLS_LIMIT: "1000x40"}),
    "DatongUpstreamQuotaNearlyGone": ("20m", {CALLS_TODAY: "960x40", CALLS_LIMIT: "1000x40"},
                                      {CALLS_TODAY: "850x40", CALLS_LIMIT: "1000x40"}),
    "DatongPrivacyRequestOverdue": ("26h", {OLDEST_DELETE: "1x1600"}, {OLDEST_DELETE: "0x1600"}),
    "DatongPrivacyRequestLongOverdue": ("74h", {OLDEST_DELETE: "1x4500"}, {OLDEST_DELETE: "180000x4500"}),
    "DatongTlsCertExpiring": ("30m", {CERT % "after": "2500x60", CERT % "before": "-6000x60"}, {CERT % "after": "9000x60", CERT % "before": "0x60"}),
}
# Further cases: alert, whether it fires, when, series.
MORE = [
    ("DatongTelemetryDropped", True, "35m", {LINES: "0x50", SPANS: "0+1x50"}),
    # So few events that a ratio says nothing.
    ("DatongErrorBudgetBurnFast", False, "70m", {RPC % "Unavailable": "0+0.3x80"}),
    ("DatongTargetMissing", True, "5m", {f'up{{job="datong-{c}"}}': "1x10" for c in TARGETS[1:]}),
    # Slow acknowledgements are as bad as none; refusals count for nobody.
    ("DatongErrorBudgetBurnFast", True, "70m", {
        'http_request_duration_seconds_count{handler="wechat_callback",code="200"}': "0+60x80",
        'http_request_duration_seconds_bucket{handler="wechat_callback",code="200",le="2.5"}': "0+30x80"}),
    ("DatongErrorBudgetBurnFast", False, "70m", {
        'http_request_duration_seconds_count{handler="wechat_callback",code="200"}': "0+60x80",
        'http_request_duration_seconds_bucket{handler="wechat_callback",code="200",le="2.5"}': "0+60x80",
        'http_request_duration_seconds_count{handler="wechat_callback",code="403"}': "0+60x80"}),
    ("DatongErrorBudgetBurnFast", True, "70m", {
        'http_requests_total{handler="collect",code="204"}': "0+60x80", 'http_requests_total{handler="collect",code="503"}': "0+6x80"}),
    ("DatongErrorBudgetBurnFast", False, "70m", {'http_requests_total{handler="collect",code="204"}': "0+60x80"}),
    ("DatongErrorBudgetBurnFast", True, "70m", {
        'grpc_server_handling_seconds_count{grpc_service="datong.insight.v1.InsightService",grpc_method="QueryTraffic"}': "0+60x80",
        'grpc_server_handling_seconds_bucket{grpc_service="datong.insight.v1.InsightService",grpc_method="QueryTraffic",le="2.5"}': "0+6x80"}),
]


def exported():
    """Names of metrics in the source of the suite. The name of each stands there as one text; those of gRPC are put together."""
    names = {f"grpc_{side}_{what}" for side in ("server", "client")
             for what in ("started_total", "handled_total", "msg_received_total", "msg_sent_total", "handling_seconds")}
    for folder in ("common", "services"):
        for path in (ROOT / folder).rglob("*.cc"):
            if not path.name.endswith("_test.cc"):
                names |= set(re.findall(r'"((?:datong|http|process)_[a-z_]+)"', path.read_text()))
    return names | {name + suffix for name in names for suffix in ("_bucket", "_sum", "_count")}


def named(text):
    """What a text names that looks like a metric."""
    found = re.findall(r"(?<![\w\"/-])((?:datong|http|process|grpc)_[a-z]+_[a-z_]+)(?![\w\"=])", text)
    return set(found) - {"grpc_service", "grpc_method", "grpc_code", "grpc_type"}


class Alerts(unittest.TestCase):
    def test_each_fires_and_is_quiet(self):
        self.assertEqual(set(CASES), set(ALERTS))
        wanted = [(a, True, c[0], c[1]) for a, c in CASES.items()]
        wanted += [(a, False, c[0], c[2]) for a, c in CASES.items()] + MORE
        # Cases that do not touch each other share one run: starting Prometheus takes the time.
        tests = []
        for alert, fires, when, series in wanted:
            is_slow = when.endswith("h") or when == "390m"
            test = next((t for t in tests if t["slow"] == is_slow and alert not in t["alerts"]
                         and all(t["series"].get(k, v) == v for k, v in series.items())), None)
            if test is None:
                test = {"slow": is_slow, "alerts": set(), "series": {}, "expressions": []}
                tests.append(test)
            test["alerts"].add(alert)
            test["series"].update(series)
            test["expressions"].append({
                "expr": f'count(ALERTS{{alertname="{alert}",alertstate="firing"}})',
                "eval_time": when,
                "exp_samples": [{"labels": "{}", "value": 1}] if fires else [],
            })
        # Where hours pass, rules are evaluated more rarely: it is the same answer in a tenth of the time.
        for is_slow, interval in ((True, "10m"), (False, "1m")):
            made = [{"interval": "1m", "promql_expr_test": t["expressions"],
                     "input_series": [{"series": k, "values": v} for k, v in t["series"].items()]}
                    for t in tests if t["slow"] == is_slow]
            with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
                json.dump({"rule_files": [str(RULES.resolve())], "evaluation_interval": interval,
                           # Else promtool takes them in an order of its own, another each time.
                           "group_eval_order": [g["name"] for g in GROUPS], "tests": made}, file)
                file.flush()
                done = subprocess.run(["promtool", "test", "rules", file.name], capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_each_says_what_its_reader_needs(self):
        for name, rule in ALERTS.items():
            self.assertIn(rule["labels"]["severity"], ("page", "ticket"), name)
            self.assertTrue("component" in rule["labels"] or "slo" in rule["expr"], name)
            self.assertEqual(set(rule["annotations"]), {"summary", "description", "runbook_url", "dashboard_url"}, name)
            uid = rule["annotations"]["dashboard_url"].removeprefix("http://127.0.0.1:3000/d/")
            self.assertTrue((ROOT / f"helm/datong/dashboards/{uid}.json").exists(), name)

    def test_each_has_its_runbook(self):
        self.assertEqual({p.stem for p in RUNBOOKS.glob("*.md")} - {"README"}, set(ALERTS))
        for name, rule in ALERTS.items():
            self.assertEqual(rule["annotations"]["runbook_url"], f"http://127.0.0.1:8080/runbooks/{name}")
            heads = re.findall(r"^## (.*)$", (RUNBOOKS / f"{name}.md").read_text(), re.M)
            self.assertEqual(heads, ["Meaning", "Impact", "Diagnosis", "Mitigation", "Verification"], name)

    def test_the_file_is_sound_and_current(self):
        for command in (["promtool", "check", "rules", RULES], [ROOT / "deploy/prometheus/make_rules.py", "--check"],
                        [ROOT / "deploy/grafana/make_dashboards.py", "--check"]):
            done = subprocess.run(command, capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


class Names(unittest.TestCase):
    def test_nothing_names_a_metric_that_is_not_exported(self):
        known = exported()
        for path in [RULES, *RUNBOOKS.glob("*.md"), *(ROOT / "helm/datong/dashboards").glob("*.json")]:
            self.assertEqual(named(path.read_text()) - known, set(), path.name)

    def test_recorded_names_are_recorded(self):
        recorded = {r["record"] for g in GROUPS for r in g["rules"] if "record" in r}
        for path in [RULES, *RUNBOOKS.glob("*.md"), *(ROOT / "helm/datong/dashboards").glob("*.json")]:
            self.assertLessEqual(set(re.findall(r"slo:[a-z_]+:[a-z_]+[0-9]*[a-z]*", path.read_text())), recorded, path.name)

    def test_commands_of_runbooks_and_guide_exist(self):
        binary = BINARIES / "datong" if BINARIES else None
        if binary is None or not binary.exists():
            self.skipTest("datong is not built")
        pages = [*RUNBOOKS.glob("*.md"), ROOT / "docs/operating.md"]
        texts = [p.read_text().replace("\\\n", " ") for p in pages]
        commands = {c for t in texts for c in re.findall(r"^(?:.* -- /usr/bin/)?datong ([^\n]+)$|`datong ([^`]+)`", t, re.M) for c in c if c}
        seen = {}
        for command in sorted(commands):
            words = [w for w in re.match(r"[a-z -]*", command).group().split(" --")[0].split() if not w.startswith("-")]
            if words and words[0] != "":
                key = tuple(words[:2])
                if key not in seen:
                    done = subprocess.run([binary, *key, "--help"], capture_output=True, text=True)
                    self.assertEqual(done.returncode, 0, f"datong {command}: {done.stderr}")
                    seen[key] = done.stdout
                for flag in re.findall(r"(--[a-z-]+)", command):
                    self.assertIn(flag, seen[key] + " --help", f"datong {command}")
        self.assertGreater(len(seen), 10)


class Dashboards(unittest.TestCase):
    def test_every_panel_is_complete(self):
        files = sorted((ROOT / "helm/datong/dashboards").glob("*.json"))
        self.assertEqual([f.stem.removeprefix("datong-") for f in files],
                         ["broker", "datacube", "grpc", "identity", "ingest", "insight", "overview", "postgres", "runtime"])
        for file in files:
            self.assertLess(file.stat().st_size, 900 * 1024)
            dashboard = json.loads(file.read_text())
            self.assertEqual(dashboard["uid"], file.stem)
            self.assertEqual([v["name"] for v in dashboard["templating"]["list"]], ["datasource", "namespace", "job", "pod"])
            for panel in dashboard["panels"]:
                for key in ("title", "description"):
                    self.assertTrue(panel[key], file.name)
                self.assertTrue(panel["fieldConfig"]["defaults"]["unit"])
                self.assertEqual(panel["datasource"]["uid"], "${datasource}")
                for target in panel["targets"]:
                    self.assertNotRegex(target["expr"], r"(rate|increase)\([^[]*\[[0-9]", target["expr"])
                    self.assertNotRegex(target["expr"], r'namespace="')

    def test_prometheus_can_parse_every_query(self):
        rules = []
        for file in (ROOT / "helm/datong/dashboards").glob("*.json"):
            for panel in json.loads(file.read_text())["panels"]:
                rules += [{"record": "a:b", "labels": {"n": f"{file.stem}{panel['id']}{t['refId']}"},
                           "expr": t["expr"].replace("$__rate_interval", "1m")} for t in panel["targets"]]
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            json.dump({"groups": [{"name": "panels", "rules": rules}]}, file)
            file.flush()
            done = subprocess.run(["promtool", "check", "rules", file.name], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], "-v"])
