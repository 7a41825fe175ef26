#!/usr/bin/env python3
"""Writes helm/datong/files/rules.yaml (linked as deploy/prometheus/rules.yaml): recording rules of the objectives, and alerts.

With --check it changes nothing and fails when the file is old.
"""

import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
RULES = ROOT / "helm/datong/files/rules.yaml"
WINDOWS = ("5m", "30m", "1h", "2h", "6h", "1d", "3d")
BAD = "Unknown|DeadlineExceeded|Internal|Unavailable|DataLoss|Unimplemented"
# Where the compose file has them; the chart puts its own in their place.
RUNBOOKS, DASHBOARDS = "http://127.0.0.1:8080/runbooks", "http://127.0.0.1:3000/d"
COMPONENTS = ("broker", "ingest", "datacube", "identity", "insight", "gateway")


def rpc_availability(service, bad=BAD):
    handled = f'grpc_server_handled_total{{grpc_service=~"datong.{service}.v1.*"'
    return (f'sum(rate({handled},grpc_code=~"{bad}"}}[W]))', f"sum(rate({handled}}}[W]))")


def rpc_latency(service, methods, edge):
    of = f'grpc_service=~"datong.{service}.v1.*",grpc_method=~"{methods}"'
    total = f"sum(rate(grpc_server_handling_seconds_count{{{of}}}[W]))"
    return (f'{total} - sum(rate(grpc_server_handling_seconds_bucket{{{of},le="{edge}"}}[W]))', total)


# The objectives: slo → (target, bad events a second, events a second); W is the window.
ACK = 'handler="wechat_callback"'
COLLECT = 'handler="collect"'
INGEST = rpc_availability("ingest", BAD + "|ResourceExhausted")
SLOS = {
    "token-availability": (0.9995, *rpc_availability("broker")),
    "token-latency": (0.99, *rpc_latency("broker", "Get.*", "0.05")),
    "callback-ack": (
        0.999,
        f'sum(rate(http_request_duration_seconds_count{{{ACK},code!~"4.."}}[W]))'
        f' - (sum(rate(http_request_duration_seconds_bucket{{{ACK},code="200",le="2.5"}}[W])) or vector(0))',
        f'sum(rate(http_request_duration_seconds_count{{{ACK},code!~"4.."}}[W]))',
    ),
    "ingest-availability": (
        0.999,
        f'(sum(rate(http_requests_total{{{COLLECT},code!~"2..|4.."}}[W])) or vector(0)) + ({INGEST[0]} or vector(0))',
        f'(sum(rate(http_requests_total{{{COLLECT},code!~"4.."}}[W])) or vector(0)) + ({INGEST[1]} or vector(0))',
    ),
    "identity-availability": (0.999, *rpc_availability("identity")),
    "identity-latency": (0.99, *rpc_latency("identity", ".*", "0.1")),
    "insight-availability": (0.995, *rpc_availability("insight")),
    "insight-latency": (0.95, *rpc_latency("insight", ".*", "2.5")),
}
OWNERS = {"token": "broker", "callback": "gateway", "ingest": "ingest", "identity": "identity", "insight": "insight"}


def burn(pairs):
    parts = []
    for factor, long, short in pairs:
        budget = f"{factor} * slo:error_budget:ratio"
        parts.append(f"(slo:sli_error:ratio_rate{long} > on (slo) {budget} and on (slo) slo:sli_error:ratio_rate{short} > on (slo) {budget})")
    return "(" + " or ".join(parts) + ") and on (slo) slo:events:rate1h > 0.01"


# name, component (None: the rule's own labels say), severity, for, expression, summary, description, dashboard
ALERTS = [
    ("DatongErrorBudgetBurnFast", None, "page", "2m", burn([(14.4, "1h", "5m"), (6, "6h", "30m")]),
     "{{ $labels.slo }} burns its error budget fast", "At this rate a month's budget is gone within days: {{ $value | humanizePercentage }} of events are bad.", "overview"),
    ("DatongErrorBudgetBurnSlow", None, "ticket", "15m", burn([(3, "1d", "2h"), (1, "3d", "6h")]),
     "{{ $labels.slo }} burns its error budget", "The month's budget will not last: {{ $value | humanizePercentage }} of events are bad.", "overview"),
    ("DatongTargetMissing", "all", "page", "2m",
     " or ".join(f'(absent(up{{job="datong-{c}"}}) or max by (job) (up{{job="datong-{c}"}}) == 0)' for c in COMPONENTS),
     "No {{ $labels.job }} answers", "Prometheus finds no target of {{ $labels.job }}, or none of them answers.", "runtime"),
    ("DatongTokenNearExpiry", "broker", "page", "1m",
     "max by (kind, app) (datong_token_expiry_timestamp_seconds) - time() < 120",
     "The {{ $labels.kind }} of {{ $labels.app }} is about to end", "It ends in {{ $value | humanizeDuration }} and no newer one is there.", "broker"),
    ("DatongTokenRefreshFailing", "broker", "ticket", "5m", "max by (kind, app) (datong_token_refresh_consecutive_failures) >= 3",
     "Refreshing the {{ $labels.kind }} of {{ $labels.app }} fails", "{{ $value }} attempts in a row failed.", "broker"),
    ("DatongTokenFight", "broker", "ticket", "0m", 'sum by (kind) (increase(datong_token_invalidations_total{reason="upstream"}[1h])) > 3',
     "Somebody else refreshes tokens of kind {{ $labels.kind }}", "WeChat refused {{ $value }} tokens within an hour before their end.", "broker"),
    ("DatongComponentTicketStale", "broker", "ticket", "5m", "time() - max by (app) (datong_component_ticket_received_timestamp_seconds > 0) > 1800",
     "No ticket for component {{ $labels.app }}", "WeChat pushes one each ten minutes; the last came {{ $value | humanizeDuration }} ago.", "broker"),
    ("DatongComponentTicketDead", "broker", "page", "5m", "time() - max by (app) (datong_component_ticket_received_timestamp_seconds > 0) > 21600",
     "The ticket of component {{ $labels.app }} is dead", "The last came {{ $value | humanizeDuration }} ago; it lives twelve hours, and without it no account's token can be refreshed.", "broker"),
    ("DatongAuthorizerNeedsReauth", "broker", "ticket", "15m", 'max(datong_authorizers{state="needs_reauth"}) > 0',
     "{{ $value }} accounts must authorise again", "WeChat refuses their refresh tokens for good.", "broker"),
    ("DatongAuditWriteFailing", "broker", "page", "1m", 'sum(increase(datong_audit_writes_total{result="error"}[5m])) > 0',
     "Audit rows cannot be written", "Neither database nor spool takes them; token reads are refused unless audit.failOpen is set.", "broker"),
    ("DatongDecryptFailing", "broker", "page", "0m", 'sum by (job, reason) (increase(datong_crypto_failures_total{op="decrypt"}[10m])) > 0',
     "{{ $labels.job }} cannot read sealed values", "{{ $value }} values could not be opened ({{ $labels.reason }}): a key is missing, or rows were changed by hand.", "broker"),
    ("DatongAuthzDenySpike", "all", "ticket", "10m",
     'sum by (job) (rate(datong_authz_decisions_total{decision="deny"}[5m])) > 1'
     ' and sum by (job) (rate(datong_authz_decisions_total{decision="deny"}[5m])) / (sum by (job) (rate(datong_authz_decisions_total[5m])) > 0) > 0.2',
     "{{ $labels.job }} refuses many calls", "{{ $value | humanize }} calls a second are denied: a caller lost its grant or its key, or a stranger tries.", "grpc"),
    ("DatongIngestLagging", "ingest", "ticket", "10m", "time() - min by (queue) (datong_ingest_oldest_pending_timestamp_seconds > 0) > 60",
     "Queue {{ $labels.queue }} lags", "Its oldest entry waits {{ $value | humanizeDuration }}.", "ingest"),
    ("DatongIngestLagHigh", "ingest", "page", "5m", "time() - min by (queue) (datong_ingest_oldest_pending_timestamp_seconds > 0) > 300",
     "Queue {{ $labels.queue }} lags badly", "Its oldest entry waits {{ $value | humanizeDuration }}.", "ingest"),
    ("DatongIngestQueueNearFull", "ingest", "page", "5m",
     "max by (queue) (datong_ingest_queue_events / on (job, instance, queue) datong_ingest_queue_capacity_events) > 0.8",
     "Queue {{ $labels.queue }} is nearly full", "It holds {{ $value | humanizePercentage }} of what it may; when full, senders get 503 and RESOURCE_EXHAUSTED.", "ingest"),
    ("DatongCallbackRejected", "broker", "ticket", "10m",
     'sum(rate(datong_ingest_rejected_total{source="callback",reason="bad_signature"}[10m]))'
     ' / (sum(rate(http_requests_total{handler="wechat_callback"}[10m])) > 0) > 0.05',
     "Callbacks carry wrong signatures", "{{ $value | humanizePercentage }} of callbacks are refused: a wrong token, or a stranger.", "ingest"),
    ("DatongQuarantineGrowing", "ingest", "ticket", "0m",
     "max by (reason) (datong_quarantined_events) > 0 and max by (reason) (delta(datong_quarantined_events[1h])) > 0",
     "Quarantine grows by {{ $labels.reason }}", "{{ $value }} events wait in quarantine for this reason.", "ingest"),
    ("DatongDatacubeIncomplete", "datacube", "ticket", "6h", "max by (api) (datong_datacube_days_missing) > 0",
     "{{ $labels.api }} lacks days", "{{ $value }} days of accounts are past their publishing time and not stored.", "datacube"),
    ("DatongUpstreamErrors", "broker", "ticket", "10m",
     'sum by (api) (rate(datong_upstream_requests_total{result!="ok"}[5m])) / (sum by (api) (rate(datong_upstream_requests_total[5m])) > 0) > 0.1',
     "Calls of {{ $labels.api }} fail", "{{ $value | humanizePercentage }} of WeChat's answers are errors.", "broker"),
    ("DatongUpstreamQuotaHigh", "broker", "ticket", "10m", "max by (api, app) (datong_upstream_calls_today / (datong_upstream_calls_limit > 0)) > 0.8",
     "{{ $labels.app }} has nearly used up {{ $labels.api }} today", "{{ $value | humanizePercentage }} of today's calls are made; it starts anew at midnight in Shanghai.", "broker"),
    ("DatongUpstreamQuotaNearlyGone", "broker", "page", "10m", "max by (api, app) (datong_upstream_calls_today / (datong_upstream_calls_limit > 0)) > 0.95",
     "{{ $labels.app }} is about to be cut off from {{ $labels.api }}", "{{ $value | humanizePercentage }} of today's calls are made; after the last one WeChat refuses until midnight in Shanghai.", "broker"),
    ("DatongDbPoolSaturated", "all", "ticket", "5m",
     'max by (job, instance) (datong_db_pool_connections{state="in_use"} / on (job, instance) datong_db_pool_max_connections) > 0.9',
     "{{ $labels.job }} runs out of database connections", "{{ $value | humanizePercentage }} of the pool of {{ $labels.instance }} are in use.", "postgres"),
    ("DatongDbErrors", "all", "page", "2m", 'sum by (job, class) (rate(datong_db_errors_total{class=~"conn|53|58"}[5m])) > 0.1',
     "The database fails {{ $labels.job }}", "{{ $value | humanize }} transactions a second end with class {{ $labels.class }}.", "postgres"),
    ("DatongJobStale", "datacube", "ticket", "5m",
     "time() - max by (job_name) (datong_job_last_success_timestamp_seconds > 0) > 3 * max by (job_name) (datong_job_interval_seconds)",
     "Job {{ $labels.job_name }} does not succeed", "Its last success was {{ $value | humanizeDuration }} ago.", "datacube"),
    ("DatongPrivacyRequestOverdue", "identity", "ticket", "10m",
     "time() - min by (type) (datong_privacy_oldest_open_timestamp_seconds > 0) > 86400",
     "A request of type {{ $labels.type }} waits for more than a day", "It was made {{ $value | humanizeDuration }} ago.", "identity"),
    ("DatongPrivacyRequestLongOverdue", "identity", "page", "10m",
     "time() - min by (type) (datong_privacy_oldest_open_timestamp_seconds > 0) > 259200",
     "A request of type {{ $labels.type }} waits for more than three days", "It was made {{ $value | humanizeDuration }} ago.", "identity"),
    ("DatongTlsCertExpiring", "all", "page", "10m",
     "min by (job, usage) ((datong_tls_certificate_not_after_timestamp_seconds - time())"
     " / (datong_tls_certificate_not_after_timestamp_seconds - datong_tls_certificate_not_before_timestamp_seconds > 0)) < 0.2",
     "The {{ $labels.usage }} certificate of {{ $labels.job }} ends soon", "{{ $value | humanizePercentage }} of its lifetime are left and it was not renewed.", "runtime"),
    ("DatongVersionSkew", "all", "ticket", "1h", "count(count by (version) (datong_build_info)) > 1",
     "{{ $value }} versions run side by side", "An upgrade did not finish.", "runtime"),
    ("DatongTelemetryDropped", "all", "ticket", "15m",
     "sum by (job) (increase(datong_log_dropped_total[15m])) + sum by (job) (increase(datong_trace_spans_dropped_total[15m])) > 0",
     "{{ $labels.job }} drops log lines or spans", "{{ $value }} within a quarter of an hour: the reader of the log is too slow, or the trace collector is away.", "runtime"),
]


def quoted(text):
    return "'" + text.replace("'", "''") + "'"


def make():
    out = ["# Made by deploy/prometheus/make_rules.py; change it there.", "groups:"]
    out += ["  - name: datong-objectives", "    rules:"]
    for slo, (target, bad, total) in SLOS.items():
        for window in WINDOWS:
            ratio = f"({bad}) / (({total}) > 0)".replace("[W]", f"[{window}]")
            out += [f"      - record: slo:sli_error:ratio_rate{window}", f"        expr: {quoted(ratio)}", f"        labels: {{slo: {slo}}}"]
        out += ["      - record: slo:error_budget:ratio", f"        expr: vector({1 - target:.6g})", f"        labels: {{slo: {slo}}}"]
        out += ["      - record: slo:events:rate1h", f"        expr: {quoted(total.replace('[W]', '[1h]'))}", f"        labels: {{slo: {slo}}}"]
    out += ["  - name: datong-alerts", "    rules:"]
    for name, component, severity, wait, expression, summary, description, dashboard in ALERTS:
        out += [f"      - alert: {name}", f"        expr: {quoted(expression)}", f"        for: {wait}"]
        out += ["        labels:", f"          severity: {severity}"] + ([f"          component: {component}"] if component else [])
        out += ["        annotations:", f"          summary: {quoted(summary)}", f"          description: {quoted(description)}",
                f"          runbook_url: {RUNBOOKS}/{name}", f"          dashboard_url: {DASHBOARDS}/datong-{dashboard}"]
    return "\n".join(out) + "\n"


if __name__ == "__main__":
    text = make()
    if "--check" not in sys.argv:
        RULES.write_text(text)
    elif RULES.read_text() != text:
        sys.exit("helm/datong/files/rules.yaml is old: run deploy/prometheus/make_rules.py")
