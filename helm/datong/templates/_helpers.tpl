{{- define "datong.fullname" -}}
{{- if contains .Chart.Name .Release.Name }}{{ .Release.Name | trunc 40 | trimSuffix "-" }}{{ else }}{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 40 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- define "datong.image" -}}
{{- $image := .Values.image.repository }}
{{- with .Values.global.imageRegistry }}{{ $image = printf "%s/%s" . $image }}{{ end }}
{{- if .Values.image.digest }}{{ printf "%s@%s" $image .Values.image.digest }}{{ else }}{{ printf "%s:%s" $image (.Values.image.tag | default .Chart.AppVersion) }}{{ end }}
{{- end }}

{{/* Labels that select: list root component. */}}
{{- define "datong.selectorLabels" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: {{ $root.Chart.Name }}
app.kubernetes.io/instance: {{ $root.Release.Name }}
{{- with index . 1 }}
app.kubernetes.io/component: {{ . }}
{{- end }}
{{- end }}

{{- define "datong.labels" -}}
{{- $root := index . 0 -}}
{{ include "datong.selectorLabels" . }}
app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
app.kubernetes.io/part-of: datong
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_" }}
{{- with $root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* A component's settings over the defaults, as YAML: list root name. */}}
{{- define "datong.component" -}}
{{- $root := index . 0 }}
{{- mergeOverwrite (deepCopy $root.Values.defaults) (deepCopy (index $root.Values.components (index . 1))) | toYaml }}
{{- end }}

{{- define "datong.serviceAccount" -}}
{{- $root := index . 0 }}
{{- if $root.Values.serviceAccount.create }}{{ include "datong.fullname" $root }}-{{ index . 1 }}{{ else }}default{{ end }}
{{- end }}

{{/* Whether the services speak TLS: not without certificates, which validate.yaml allows under insecure.allow alone. */}}
{{- define "datong.tls" -}}
{{- if and .Values.tls.enabled (or .Values.tls.existingSecret .Values.tls.certManager.enabled) }}true{{ end }}
{{- end }}

{{/* Who a component (or selftest) is to the others: list root component. */}}
{{- define "datong.spiffe" -}}
{{- $root := index . 0 -}}
spiffe://{{ $root.Values.auth.trustDomain }}/ns/{{ $root.Release.Namespace }}/sa/{{ include "datong.fullname" $root }}-{{ index . 1 }}
{{- end }}

{{/* Modes of auth that can work: nobody shows a certificate where there is no TLS. */}}
{{- define "datong.authMode" -}}
{{- $mode := .Values.auth.mode }}
{{- if not (include "datong.tls" .) }}{{ $mode = without $mode "mtls" }}{{ end }}
{{- $mode | toJson }}
{{- end }}

{{/* The policy file: the operator's grants, and that of the self-test. */}}
{{- define "datong.policy" -}}
{{- $grants := .Values.auth.policy.grants | default list }}
{{- if include "datong.selftest" . }}
{{- $selftest := dict "callers" (list (include "datong.spiffe" (list . "selftest"))) "permissions" (list "projects.write" "sources.write" "events.write") "projects" (list "selftest") }}
{{- $grants = append $grants $selftest }}
{{- end }}
{{- range $grants }}
[[grants]]
{{- range $key, $value := . }}
{{ $key }} = {{ $value | toJson }}
{{- end }}
{{ end }}
{{- end }}

{{/* Whether there is a self-test: it asks all six. */}}
{{- define "datong.selftest" -}}
{{- $all := .Values.tests.enabled }}
{{- range .Values.components }}{{ if not .enabled }}{{ $all = false }}{{ end }}{{ end }}
{{- if $all }}true{{ end }}
{{- end }}

{{- define "datong.usesDatabase" -}}
{{- if ne . "gateway" }}true{{ end }}
{{- end }}

{{/* The libpq connection string, without its password: list root host. */}}
{{- define "datong.dsn" -}}
{{- $db := (index . 0).Values.database }}
{{- printf "host=%s port=%v dbname=%s user=%s sslmode=%s" (index . 1) (int $db.port) $db.name $db.user $db.sslMode }}
{{- if $db.caSecret }} sslrootcert=/etc/datong/database-ca/ca.crt{{ else if has $db.sslMode (list "verify-ca" "verify-full") }} sslrootcert=/etc/ssl/certs/ca-certificates.crt{{ end }}
{{- printf " target_session_attrs=read-write connect_timeout=5" }}
{{- end }}

{{/* The TOML file of a component: list root name. JSON texts, numbers and arrays are TOML too. */}}
{{- define "datong.toml" -}}
{{- $root := index . 0 }}{{ $name := index . 1 }}{{ $v := $root.Values }}
{{- $s := dict "insecure.allow" $v.insecure.allow }}
{{- range $peer := list "broker" "datacube" "identity" "ingest" "insight" }}
{{- if and (ne $peer $name) (index $v.components $peer).enabled }}
{{- $_ := set $s (printf "peers.%s" $peer) (printf "dns:///%s-%s-headless:9000" (include "datong.fullname" $root) $peer) }}
{{- end }}
{{- end }}
{{- if include "datong.usesDatabase" $name }}
{{- $_ := set $s "database.dsn_file" "/etc/datong/config/dsn" }}
{{- $_ := set $s "database.password_file" (printf "/etc/datong/database/%s" $v.database.passwordKey) }}
{{- $_ := set $s "database.max_connections" (int $v.database.pool.max) }}
{{- end }}
{{- if include "datong.tls" $root }}
{{- range $file := list "cert" "key" "ca" }}
{{- $_ := set $s (printf "tls.%s_file" $file) (printf "/etc/datong/tls/%s" (get (dict "cert" "tls.crt" "key" "tls.key" "ca" "ca.crt") $file)) }}
{{- end }}
{{- range $service, $_ := $v.components }}
{{- $_ := set $s (printf "auth.services.%s" $service) (include "datong.spiffe" (list $root $service)) }}
{{- end }}
{{- $_ := set $s "auth.trust_domain" $v.auth.trustDomain }}
{{- end }}
{{- with include "datong.authMode" $root | fromJsonArray }}
{{- $_ := set $s "auth.mode" . }}
{{- $_ := set $s "auth.policy_file" "/etc/datong/config/policy.toml" }}
{{- if has "jwt" . }}
{{- $_ := set $s "auth.jwt.jwks_file" "/etc/datong/jwks/jwks.json" }}
{{- $_ := set $s "auth.jwt.issuer" $v.auth.jwt.issuer }}
{{- $_ := set $s "auth.jwt.audience" $v.auth.jwt.audience }}
{{- end }}
{{- if has "api_key" . }}
{{- $_ := set $s "auth.api_keys_file" "/etc/datong/callers/api-keys" }}
{{- end }}
{{- end }}
{{- if eq $name "ingest" }}
{{- $_ := set $s "ingest.event_retention" (printf "%dh" (mul 24 (int $v.privacy.eventRetentionDays))) }}
{{- end }}
{{- if has $name (list "broker" "gateway") }}
{{- $_ := set $s "public_url" $v.publicUrl }}
{{- end }}
{{- if eq $name "broker" }}
{{- $_ := set $s "keys.folder" "/etc/datong/keys" }}
{{- $_ := set $s "wechat.api_url" $v.wechat.apiUrl }}
{{- $_ := set $s "wechat.mp_url" $v.wechat.mpUrl }}
{{- $_ := set $s "wechat.open_url" $v.wechat.openUrl }}
{{- $_ := set $s "wechat.wecom_url" $v.wechat.wecomUrl }}
{{- $_ := set $s "wechat.work_url" $v.wechat.workUrl }}
{{- $_ := set $s "wechat.allow_private_upstream" $v.wechat.allowPrivateUpstream }}
{{- $_ := set $s "broker.metrics_per_app" $v.metrics.perApp }}
{{- $_ := set $s "broker.audit_fail_open" $v.audit.failOpen }}
{{- $_ := set $s "broker.audit_spool" "/var/lib/datong/audit/rows" }}
{{- $_ := set $s "broker.audit_spool_bytes" (include "datong.spoolBytes" $root | int64) }}
{{- end }}
{{- range $key, $value := (index $v.components $name).config }}
{{- if hasKey $s $key }}
{{- fail (printf "components.%s.config: %s is set by another value of this chart; remove it here." $name $key) }}
{{- end }}
{{- $_ := set $s $key $value }}
{{- end }}
{{- range $i, $key := keys $s | sortAlpha }}
{{- if $i }}{{ "\n" }}{{ end }}
{{- $key }} = {{ index $s $key | toJson }}
{{- end }}
{{- end }}

{{/* Nine tenths of audit.spoolSize: the volume is never quite full. */}}
{{- define "datong.spoolBytes" -}}
{{- $unit := dict "Mi" 1048576 "Gi" 1073741824 }}
{{- $size := .Values.audit.spoolSize }}
{{- $factor := index $unit (substr (int (sub (len $size) 2)) (len $size) $size) }}
{{- div (mul (substr 0 (int (sub (len $size) 2)) $size | int64) $factor 9) 10 }}
{{- end }}

{{- define "datong.podSecurity" -}}
automountServiceAccountToken: {{ .Values.serviceAccount.automount }}
enableServiceLinks: false
{{- with .Values.global.imagePullSecrets }}
imagePullSecrets: {{ toYaml . | nindent 2 }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 65532
  runAsGroup: 65532
  fsGroup: 65532
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "datong.containerSecurity" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
{{- end }}

{{- define "datong.databaseMounts" -}}
- {name: database, mountPath: /etc/datong/database, readOnly: true}
{{- if .Values.database.caSecret }}
- {name: database-ca, mountPath: /etc/datong/database-ca, readOnly: true}
{{- end }}
{{- end }}

{{- define "datong.databaseVolumes" -}}
- name: database
  secret: {secretName: {{ .Values.database.existingSecret }}, defaultMode: 0440}
{{- with .Values.database.caSecret }}
- name: database-ca
  secret: {secretName: {{ . }}, defaultMode: 0440}
{{- end }}
{{- end }}

{{- define "datong.tlsMounts" -}}
{{- if include "datong.tls" . }}
- {name: tls, mountPath: /etc/datong/tls, readOnly: true}
{{- end }}
{{- end }}

{{/* list root component: of one Secret for all a pod sees its own entries alone. */}}
{{- define "datong.tlsVolumes" -}}
{{- $root := index . 0 }}{{ $name := index . 1 }}
{{- if include "datong.tls" $root }}
- name: tls
  {{- if $root.Values.tls.certManager.enabled }}
  secret: {secretName: {{ include "datong.fullname" $root }}-{{ $name }}-tls, defaultMode: 0440}
  {{- else }}
  secret:
    secretName: {{ $root.Values.tls.existingSecret }}
    defaultMode: 0440
    items:
      - {key: ca.crt, path: ca.crt}
      - {key: {{ $name }}.crt, path: tls.crt}
      - {key: {{ $name }}.key, path: tls.key}
  {{- end }}
{{- end }}
{{- end }}

{{- define "datong.authMounts" -}}
{{- $mode := include "datong.authMode" . | fromJsonArray }}
{{- if has "jwt" $mode }}
- {name: jwks, mountPath: /etc/datong/jwks, readOnly: true}
{{- end }}
{{- if has "api_key" $mode }}
- {name: callers, mountPath: /etc/datong/callers, readOnly: true}
{{- end }}
{{- end }}

{{- define "datong.authVolumes" -}}
{{- $mode := include "datong.authMode" . | fromJsonArray }}
{{- if has "jwt" $mode }}
- name: jwks
  secret: {secretName: {{ .Values.auth.jwt.jwksSecret }}, defaultMode: 0440}
{{- end }}
{{- if has "api_key" $mode }}
- name: callers
  secret: {secretName: {{ .Values.auth.apiKeysSecret }}, defaultMode: 0440}
{{- end }}
{{- end }}

{{/* One probe: dict kind period timeout failures override. */}}
{{- define "datong.probe" -}}
{{- $probe := dict "grpc" (dict "port" 9001 "service" .service) "periodSeconds" .period "timeoutSeconds" .timeout "failureThreshold" .failures }}
{{- mergeOverwrite $probe (.override | default dict) | toYaml }}
{{- end }}
