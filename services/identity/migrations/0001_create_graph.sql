-- The identity graph. Every large table is keyed by (project_number, node, …) or has the project's
-- number first, so that it can be distributed by project and node. Columns marked PI hold what
-- identifies or may identify a person.

CREATE TABLE identity.projects (
  project         text PRIMARY KEY,                -- "projects/demo"
  project_number  integer NOT NULL UNIQUE CHECK (project_number > 0),
  version         bigint NOT NULL DEFAULT 0,       -- of the last change of the graph
  next_person     bigint NOT NULL DEFAULT 1,       -- dense person indexes, never reused
  consent_version bigint NOT NULL DEFAULT 0,
  created_at      timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 50);

-- Which Open Platform account an app's unionids belong to, from when on.
CREATE TABLE identity.bindings (
  project_number integer NOT NULL,
  appid          text NOT NULL,
  valid_from     timestamptz NOT NULL,
  account        text NOT NULL,                    -- '' for none
  PRIMARY KEY (project_number, appid, valid_from)
);

-- Identifiers. The row whose node is its own component's name is the component's lock.
CREATE TABLE identity.nodes (
  project_number integer NOT NULL,
  node           bigint NOT NULL,
  identifier     text NOT NULL,                    -- PI
  component      bigint NOT NULL,                  -- connected by any evidence, also refused one
  person         bigint NOT NULL DEFAULT 0,        -- index; 0: belongs to nobody
  first_observed timestamptz NOT NULL,
  PRIMARY KEY (project_number, node)
) WITH (fillfactor = 80);
CREATE INDEX nodes_by_component ON identity.nodes (project_number, component);
CREATE INDEX nodes_by_person ON identity.nodes (project_number, person) WHERE person > 0;
CREATE INDEX nodes_by_identifier ON identity.nodes (project_number, identifier text_pattern_ops);

-- Facts, append-only.
CREATE TABLE identity.evidence (
  project_number integer NOT NULL,
  node           bigint NOT NULL,                  -- of one of the identifiers
  evidence_id    bytea NOT NULL,
  kind           text NOT NULL,
  ids            text[] NOT NULL,                  -- PI
  observed_at    timestamptz NOT NULL,
  received_at    timestamptz NOT NULL,
  appid          text NOT NULL,
  request_id     text NOT NULL,
  obtained_by    text NOT NULL,
  snapshot       boolean NOT NULL,
  watermark      smallint NOT NULL,                -- 0 none, 1 valid, 2 other app, 3 stale
  PRIMARY KEY (project_number, node, evidence_id)
);

-- Facts with a unionid whose account is not known yet, whole, as they came.
CREATE TABLE identity.parked_evidence (
  project_number integer NOT NULL,
  node           bigint NOT NULL,
  evidence_id    bytea NOT NULL,
  waits_for      text NOT NULL,                    -- appid
  kind           text NOT NULL,
  ids            text[] NOT NULL,                  -- PI
  observed_at    timestamptz NOT NULL,
  received_at    timestamptz NOT NULL,
  appid          text NOT NULL,
  request_id     text NOT NULL,
  obtained_by    text NOT NULL,
  snapshot       boolean NOT NULL,
  watermark      smallint NOT NULL,
  PRIMARY KEY (project_number, node, evidence_id, waits_for)
);
CREATE INDEX parked_evidence_by_app ON identity.parked_evidence (project_number, waits_for);

CREATE TABLE identity.persons (
  project_number integer NOT NULL,
  person         bigint NOT NULL,                  -- index
  merged_into    bigint NOT NULL DEFAULT 0,        -- where the name leads to, never to another merged one
  split_from     bigint NOT NULL DEFAULT 0,
  emptied        boolean NOT NULL DEFAULT false,
  created_at     timestamptz NOT NULL,
  PRIMARY KEY (project_number, person)
);
CREATE INDEX persons_by_survivor ON identity.persons (project_number, merged_into)
  WHERE merged_into > 0;

CREATE TABLE identity.refusals (
  project_number integer NOT NULL,
  node           bigint NOT NULL,                  -- of the first of the ids
  refusal_id     bytea NOT NULL,                   -- hash of ids and reason
  ids            text[] NOT NULL,                  -- PI
  reason         text NOT NULL,
  evidence_class smallint NOT NULL,
  observed_at    timestamptz NOT NULL,
  first_seen     timestamptz NOT NULL,
  last_seen      timestamptz NOT NULL,
  seen_count     bigint NOT NULL,
  record_level   boolean NOT NULL,                 -- wrong with one record alone
  open           boolean NOT NULL,
  PRIMARY KEY (project_number, node, refusal_id)
);

-- The feed, and the history of who was who. Versions are given out under the lock of the project's
-- row, so that they become visible in order and without gaps.
CREATE TABLE identity.changes (
  project_number  integer NOT NULL,
  version         bigint NOT NULL,
  kind            smallint NOT NULL,               -- 1 linked, 2 moved, 3 unlinked, 4 merged, 5 split
  node            bigint NOT NULL,
  identifier      text NOT NULL,                   -- PI
  person          bigint NOT NULL,
  previous_person bigint NOT NULL,
  changed_at      timestamptz NOT NULL,
  PRIMARY KEY (project_number, version)
);
