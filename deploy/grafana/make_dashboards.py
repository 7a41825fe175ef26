#!/usr/bin/env python3
"""Writes helm/datong/dashboards/*.json from the few lines a panel takes here.

With --check it changes nothing and fails when a file is old.
"""

import json
import pathlib
import sys

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "helm/datong/dashboards"
ALL = 'namespace=~"$namespace",job=~"$job",pod=~"$pod"'
RPC = "grpc_service, grpc_method"


def panel(title, description, unit, *queries, kind="timeseries"):
    return {"title": title, "description": description, "unit": unit, "queries": queries, "kind": kind}


def rate(title, description, metric, by, unit="ops", labels=""):
    """Events a second by labels."""
    query = f"sum by ({by}) (rate({metric}{{{ALL}{',' + labels if labels else ''}}}[$__rate_interval]))"
    return panel(title, description, unit, (query, legend(by)))


def level(title, description, metric, by, unit="short", how="max", labels=""):
    """A gauge by labels."""
    query = f"{how} by ({by}) ({metric}{{{ALL}{',' + labels if labels else ''}}})"
    return panel(title, description, unit, (query, legend(by)))


def age(title, description, metric, by):
    """Seconds since a point in time; nothing where it is 0."""
    return panel(title, description, "s", (f"time() - min by ({by}) ({metric}{{{ALL}}} > 0)", legend(by)))


def latency(title, description, metric, labels="", unit="s", by=""):
    """The quantiles 50, 95 and 99 of a histogram."""
    selector = ALL + ("," + labels if labels else "")
    groups = "le" + (", " + by if by else "")
    return panel(title, description, unit, *(
        (f"histogram_quantile({q / 100}, sum by ({groups}) (rate({metric}_bucket{{{selector}}}[$__rate_interval])))",
         f"p{q}" + (" " + legend(by) if by else "")) for q in (50, 95, 99)))


def legend(by):
    return " ".join("{{" + name.strip() + "}}" for name in by.split(","))


def component_rpcs(name):
    of = f'grpc_service=~"datong.{name}.v1.*"'
    return [
        rate("RPCs by method", "RPCs that ended, a second.", "grpc_server_handled_total", RPC, labels=of),
        rate("Failed RPCs by code", "RPCs that ended with another code than OK, a second.", "grpc_server_handled_total", "grpc_method, grpc_code", labels=of + ',grpc_code!="OK"'),
        latency("RPC latency", "From begin to end of an RPC, all methods.", "grpc_server_handling_seconds", of),
    ]


DASHBOARDS = {
    "overview": ("Datong: overview", [
        panel("Error budget burn, 1 h", "Share of bad events over the budget; above 14.4 pages. Details: the dashboard of the component.", "short",
              ("slo:sli_error:ratio_rate1h / on (slo) slo:error_budget:ratio", "{{slo}}")),
        panel("Error budget left of 3 days", "1: nothing burnt; 0: all of what three days may burn.", "percentunit",
              ("1 - slo:sli_error:ratio_rate3d / on (slo) slo:error_budget:ratio", "{{slo}}")),
        panel("Events of each objective", "What the objectives count, a second.", "ops", ("slo:events:rate1h", "{{slo}}")),
        level("Ready", "Pods that can serve.", "datong_ready", "job", how="sum"),
        rate("RPCs by component", "RPCs that ended, a second. Details: gRPC.", "grpc_server_handled_total", "job"),
        rate("Failed RPCs by component", "RPCs that ended with another code than OK.", "grpc_server_handled_total", "job, grpc_code", labels='grpc_code!="OK"'),
        latency("RPC latency by component", "From begin to end of an RPC.", "grpc_server_handling_seconds", by="job"),
        rate("HTTP by handler", "HTTP requests a second.", "http_requests_total", "handler, code"),
    ]),
    "broker": ("Datong: broker", component_rpcs("broker") + [
        rate("Tokens handed out", "By kind and how they were found.", "datong_token_requests_total", "kind, result"),
        rate("Tokens refreshed", "By kind and result.", "datong_token_refresh_total", "kind, result"),
        latency("Refresh latency", "From the call to WeChat to the commit.", "datong_token_refresh_seconds"),
        panel("Time left of tokens", "The shortest of each kind.", "s", (f"min by (kind) (datong_token_expiry_timestamp_seconds{{{ALL}}}) - time()", "{{kind}}")),
        level("Refresh failures in a row", "By kind and app.", "datong_token_refresh_consecutive_failures", "kind, app"),
        rate("Tokens replaced early", "By reason; `upstream`: WeChat refused one that should live.", "datong_token_invalidations_total", "kind, reason"),
        rate("Fenced writes", "Writes of a holder that had lost its lease.", "datong_token_fenced_writes_total", "kind"),
        age("Age of tickets", "WeChat pushes one each ten minutes.", "datong_component_ticket_received_timestamp_seconds", "app"),
        level("Accounts", "By state of their authorisation.", "datong_authorizers", "state"),
        rate("Audit rows", "By where they went.", "datong_audit_writes_total", "result"),
        level("Audit rows that wait", "Not durable yet.", "datong_audit_pending", "job"),
        rate("Calls to WeChat", "By interface and result.", "datong_upstream_requests_total", "api, result"),
        rate("WeChat's error codes", "By interface.", "datong_upstream_errcode_total", "api, errcode"),
        latency("Latency of WeChat", "All interfaces.", "datong_upstream_request_seconds"),
        level("Calls today", "Since midnight in Shanghai.", "datong_upstream_calls_today", "api, app"),
        level("Leases held", "By lease.", "datong_lease_held", "lease, pod", how="sum"),
    ]),
    "ingest": ("Datong: ingest", component_rpcs("ingest") + [
        rate("Events", "By door and what became of them.", "datong_ingest_events_total", "source, result"),
        rate("Not taken", "By door and reason.", "datong_ingest_rejected_total", "source, reason"),
        level("Queued", "What waits, by queue.", "datong_ingest_queue_events", "queue", how="sum"),
        age("Oldest in queue", "How long the oldest waits.", "datong_ingest_oldest_pending_timestamp_seconds", "queue"),
        latency("Commit latency", "One group of events.", "datong_ingest_commit_seconds"),
        latency("Events in a commit", "Group commit at work.", "datong_ingest_commit_events", unit="short"),
        latency("Events in a request", "By door.", "datong_ingest_batch_events", unit="short", by="source"),
        latency("Event lag", "From event time to stored.", "datong_ingest_event_lag_seconds", by="source"),
        level("Quarantine", "What waits, by reason.", "datong_quarantined_events", "reason"),
        level("Feed lag", "Age of the oldest unread change.", "datong_feed_lag_seconds", "feed"),
        rate("Collector by code", "HTTP requests of SDKs.", "http_requests_total", "code", labels='handler="collect"'),
        latency("Collector latency", "HTTP requests of SDKs.", "http_request_duration_seconds", 'handler="collect"'),
    ]),
    "datacube": ("Datong: datacube", component_rpcs("datacube") + [
        rate("Fetches", "By interface and result.", "datong_datacube_fetch_total", "api, result"),
        level("Days missing", "App-days past their publishing time and not stored.", "datong_datacube_days_missing", "api"),
        rate("Nights", "Nightly syncs that ended.", "datong_job_runs_total", "job_name, result"),
        latency("Length of nights", "From begin to end.", "datong_job_duration_seconds"),
        age("Last success", "Since the last night that ended well.", "datong_job_last_success_timestamp_seconds", "job_name"),
    ]),
    "identity": ("Datong: identity", component_rpcs("identity") + [
        rate("Evidence", "Records that were new, and repeats.", "datong_identity_evidence_total", "result"),
        rate("Merges and splits", "Of persons, by rule.", "datong_identity_merges_total", "rule, result"),
        rate("Refused links", "By rule.", "datong_identity_conflicts_total", "rule"),
        latency("Identifiers of a person", "Of persons that evidence changed.", "datong_identity_cluster_size", unit="short"),
        rate("Frozen components", "Raw components that are too large to work out.", "datong_identity_frozen_components_total", "job"),
    ]),
    "insight": ("Datong: insight", component_rpcs("insight") + [
        rate("Questions", "By kind and result.", "datong_insight_queries_total", "kind, result"),
        latency("Latency by kind", "Time of an answer.", "datong_insight_query_seconds", by="kind"),
        level("Feed lag", "How far behind identity it is.", "datong_feed_lag_seconds", "feed"),
    ]),
    "grpc": ("Datong: gRPC", [
        rate("Served, by method", "RPCs that ended.", "grpc_server_handled_total", RPC),
        rate("Served, by code", "RPCs that ended.", "grpc_server_handled_total", "grpc_code"),
        latency("Latency of the server", "From begin to end.", "grpc_server_handling_seconds", by="grpc_service"),
        rate("Called, by code", "RPCs to other services.", "grpc_client_handled_total", "job, grpc_service, grpc_code"),
        latency("Latency of the client", "From begin to end, with retries.", "grpc_client_handling_seconds", by="grpc_service"),
        rate("Messages received", "On streams and unary RPCs.", "grpc_server_msg_received_total", "grpc_service"),
        rate("Messages sent", "On streams and unary RPCs.", "grpc_server_msg_sent_total", "grpc_service"),
        panel("RPCs under way", "Begun and not ended.", "short",
              (f"sum by (grpc_service) (grpc_server_started_total{{{ALL}}}) - sum by (grpc_service) (grpc_server_handled_total{{{ALL}}})", "{{grpc_service}}")),
        rate("Calls without a deadline", "Of callers who said nothing; they get ten seconds.", "datong_rpc_calls_without_deadline_total", "job"),
    ]),
    "postgres": ("Datong: PostgreSQL", [
        level("Connections", "By component and state.", "datong_db_pool_connections", "job, state", how="sum"),
        panel("Pool in use", "Of what it may hold; above 0.9 for five minutes opens a ticket.", "percentunit",
              (f'max by (job) (datong_db_pool_connections{{{ALL},state="in_use"}} / on (job, instance) datong_db_pool_max_connections{{{ALL}}})', "{{job}}")),
        latency("Wait for a connection", "By component.", "datong_db_pool_wait_seconds", by="job"),
        rate("Transactions", "By operation.", "datong_db_query_seconds_count", "op"),
        latency("Latency", "All operations.", "datong_db_query_seconds"),
        panel("Slowest operations", "95th percentile of the ten slowest.", "s",
              (f"topk(10, histogram_quantile(0.95, sum by (le, op) (rate(datong_db_query_seconds_bucket{{{ALL}}}[$__rate_interval]))))", "{{op}}")),
        rate("Errors", "Failed transactions by operation and class of SQLSTATE.", "datong_db_errors_total", "op, class"),
    ]),
    "runtime": ("Datong: runtime", [
        rate("CPU", "Cores in use.", "process_cpu_seconds_total", "job, pod", unit="short"),
        level("Memory", "Resident.", "process_resident_memory_bytes", "job, pod", unit="bytes"),
        level("Virtual memory", "Mapped.", "process_virtual_memory_bytes", "job, pod", unit="bytes"),
        panel("Descriptors", "Open, of what is allowed.", "percentunit", (f"max by (job, pod) (process_open_fds{{{ALL}}} / process_max_fds{{{ALL}}})", "{{job}} {{pod}}")),
        age("Uptime", "Since the start of the process.", "process_start_time_seconds", "job, pod"),
        level("Versions", "Pods of each version.", "datong_build_info", "component, version, revision", how="count"),
        level("Readiness by reason", "1: in this state.", "datong_ready", "job, reason", how="sum"),
        rate("Log lines dropped", "The reader of the log is too slow.", "datong_log_dropped_total", "job"),
        level("HTTP under way", "By handler.", "http_requests_in_flight", "handler", how="sum"),
        latency("HTTP latency", "By handler.", "http_request_duration_seconds", by="handler"),
        latency("HTTP bodies", "Size of requests.", "http_request_size_bytes", unit="bytes", by="handler"),
    ]),
}


def variable(name, query):
    source = {"type": "prometheus", "uid": "${datasource}"}
    return {"name": name, "label": name, "type": "query", "datasource": source, "query": {"query": query, "refId": name},
            "definition": query, "includeAll": True, "allValue": ".*", "multi": True, "refresh": 2,
            "current": {"text": "All", "value": "$__all"}, "sort": 1}


def dashboard(name):
    title, panels = DASHBOARDS[name]
    built = []
    for i, p in enumerate(panels):
        built.append({
            "id": i + 1, "type": p["kind"], "title": p["title"], "description": p["description"],
            "datasource": {"type": "prometheus", "uid": "${datasource}"},
            "gridPos": {"x": i % 2 * 12, "y": i // 2 * 8, "w": 12, "h": 8},
            "fieldConfig": {"defaults": {"unit": p["unit"], "min": 0, "custom": {"fillOpacity": 10}}, "overrides": []},
            "options": {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi", "sort": "desc"}},
            "targets": [{"refId": chr(65 + n), "expr": e, "legendFormat": l, "datasource": {"type": "prometheus", "uid": "${datasource}"}}
                        for n, (e, l) in enumerate(p["queries"])],
        })
        if p["unit"] == "s" and "left" in p["title"]:
            del built[-1]["fieldConfig"]["defaults"]["min"]
    up = f'datong_build_info{{namespace=~"$namespace"}}'
    return {
        "uid": f"datong-{name}", "title": title, "tags": ["datong"], "schemaVersion": 39, "version": 1, "editable": False,
        "timezone": "", "refresh": "30s", "time": {"from": "now-3h", "to": "now"},
        "links": [{"type": "dashboards", "tags": ["datong"], "title": "Datong", "asDropdown": True, "includeVars": True, "keepTime": True}],
        "templating": {"list": [
            {"name": "datasource", "label": "datasource", "type": "datasource", "query": "prometheus", "current": {}},
            variable("namespace", "label_values(datong_build_info, namespace)"),
            variable("job", f"label_values({up}, job)"),
            variable("pod", 'label_values(datong_build_info{namespace=~"$namespace",job=~"$job"}, pod)'),
        ]},
        "panels": built,
    }


if __name__ == "__main__":
    for name in DASHBOARDS:
        path, text = FOLDER / f"datong-{name}.json", json.dumps(dashboard(name), indent=1) + "\n"
        if "--check" not in sys.argv:
            path.write_text(text)
        elif not path.exists() or path.read_text() != text:
            sys.exit(f"{path.name} is old: run deploy/grafana/make_dashboards.py")
