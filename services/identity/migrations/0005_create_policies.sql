-- Policies of projects, what is worked out anew because of them, and what is held back.

ALTER TABLE identity.projects
  ADD COLUMN policy_version bigint NOT NULL DEFAULT 0; -- 0: the installation's policy

-- As they came, of records whose unionids were scoped by a binding: `unionid:@{appid}:{value}`.
ALTER TABLE identity.evidence ADD COLUMN unscoped_ids text[]; -- PI

-- The rules that a project chose. The one of its policy_version holds.
CREATE TABLE identity.policies (
  project_number              integer NOT NULL,
  version                     bigint NOT NULL,
  trust_client_claims         boolean NOT NULL,
  phone_may_merge             boolean NOT NULL,
  hub_device_partners         integer NOT NULL,
  hub_login_partners          integer NOT NULL,
  pending_days                integer NOT NULL,
  login_max                   integer NOT NULL,
  max_ids                     integer NOT NULL,
  form_checks                 boolean NOT NULL,
  erase_extend_days           integer NOT NULL,
  require_consent_after_erase boolean NOT NULL,
  max_component_ids           integer NOT NULL,
  max_component_records       integer NOT NULL,
  incident_conflicts          integer NOT NULL,
  blocked_values              text[] NOT NULL,
  set_at                      timestamptz NOT NULL,
  actor                       text NOT NULL,
  PRIMARY KEY (project_number, version)
);

-- What was known before a policy or a binding was changed, on its way to be worked out anew.
CREATE TABLE identity.recomputations (
  project_number integer NOT NULL,
  recomputation  bigint GENERATED ALWAYS AS IDENTITY,
  reason         smallint NOT NULL,                -- 1 policy, 2 binding
  appid          text NOT NULL,                    -- of bindings
  stage          smallint NOT NULL DEFAULT 1,      -- 1 components, 2 evidence
  after_node     bigint NOT NULL DEFAULT -9223372036854775808,
  after_evidence bytea NOT NULL DEFAULT '',
  asked_at       timestamptz NOT NULL,
  done_at        timestamptz,
  PRIMARY KEY (project_number, recomputation)
);
CREATE INDEX recomputations_open ON identity.recomputations (project_number, asked_at)
  WHERE done_at IS NULL;

-- Raw components above the caps.
CREATE TABLE identity.frozen_components (
  project_number integer NOT NULL,
  component      bigint NOT NULL,
  id_count       bigint NOT NULL,
  record_count   bigint NOT NULL,
  frozen_at      timestamptz NOT NULL,
  PRIMARY KEY (project_number, component)
);

-- Conflicts of strong evidence by app and day (of Shanghai), and what they led to.
CREATE TABLE identity.conflict_counts (
  project_number integer NOT NULL,
  appid          text NOT NULL,
  reason         text NOT NULL,
  day            date NOT NULL,
  conflict_count bigint NOT NULL,
  PRIMARY KEY (project_number, appid, reason, day)
);
CREATE TABLE identity.incidents (
  project_number integer NOT NULL,
  incident       bigint GENERATED ALWAYS AS IDENTITY,
  appid          text NOT NULL,
  reason         text NOT NULL,
  conflict_count bigint NOT NULL,
  opened_at      timestamptz NOT NULL,
  closed_at      timestamptz,
  closed_by      text NOT NULL DEFAULT '',
  PRIMARY KEY (project_number, incident)
);
CREATE UNIQUE INDEX incidents_open ON identity.incidents (project_number, appid, reason)
  WHERE closed_at IS NULL;

-- Whether identifiers are still followers or contacts.
CREATE TABLE identity.relations (
  project_number integer NOT NULL,
  node           bigint NOT NULL,
  identifier     text NOT NULL,                    -- PI
  kind           smallint NOT NULL,                -- 1 follower, 2 contact
  with_whom      text NOT NULL,                    -- PI; a member of staff, or ''
  state          smallint NOT NULL,                -- 1 active, 2 ended by the person, 3 by the company
  since          timestamptz NOT NULL,
  recorded_at    timestamptz NOT NULL,
  PRIMARY KEY (project_number, node, kind, with_whom)
);

-- Rounds of the full recomputation that compares what is kept with what the evidence says.
CREATE TABLE identity.checks (
  project_number   integer PRIMARY KEY,
  taken_at         timestamptz NOT NULL,           -- when somebody last began one
  began_at         timestamptz,                    -- of the last whole one, and so on
  ended_at         timestamptz,
  component_count  bigint NOT NULL DEFAULT 0,
  identifier_count bigint NOT NULL DEFAULT 0,
  difference_count bigint NOT NULL DEFAULT 0
);
