-- What was decided about identifiers, and what was erased.

ALTER TABLE identity.projects
  ADD COLUMN decision_version bigint NOT NULL DEFAULT 0, -- goes up with every decision and erasure
  ADD COLUMN erase_key bytea;                            -- of the tombstones; made at the first erasure

ALTER TABLE identity.nodes ADD COLUMN retired_at timestamptz; -- replaced by a migration

-- Retracted pairs, pairs kept apart, rebound logins, withdrawn phones.
CREATE TABLE identity.decisions (
  project_number integer NOT NULL,
  node           bigint NOT NULL,                  -- of a
  decision_id    bytea NOT NULL,                   -- hash of kind, identifiers and time
  kind           smallint NOT NULL,                -- 1 retract, 2 cannot link, 3 rebind, 4 revoke phone
  a              text NOT NULL,                    -- PI
  b              text NOT NULL,                    -- PI; of pairs alone
  decided_for    timestamptz NOT NULL,             -- which evidence it is about
  actor          text NOT NULL,
  reason         text NOT NULL,
  decided_at     timestamptz NOT NULL,
  PRIMARY KEY (project_number, node, decision_id)
);

-- Erased identifiers, which nobody can read any more.
CREATE TABLE identity.tombstones (
  project_number integer NOT NULL,
  tombstone      bytea NOT NULL,                   -- HMAC-SHA-256 of the identifier
  erased_at      timestamptz NOT NULL,
  renewed_at     timestamptz,                      -- from when on there is a new consent
  PRIMARY KEY (project_number, tombstone)
);

-- Erasures asked for. The identifiers are forgotten when it is done.
CREATE TABLE identity.erasures (
  project_number   integer NOT NULL,
  erasure          bigint GENERATED ALWAYS AS IDENTITY,
  ids              text[] NOT NULL,                -- PI; empty once it is done
  whole_person     boolean NOT NULL,
  erased_at        timestamptz NOT NULL,
  due_at           timestamptz NOT NULL,
  done_at          timestamptz,
  basis            text NOT NULL,
  actor            text NOT NULL,
  identifier_count integer NOT NULL DEFAULT 0,
  PRIMARY KEY (project_number, erasure)
);
CREATE INDEX erasures_due ON identity.erasures (due_at) WHERE done_at IS NULL;

-- History by identifier, and its removal.
CREATE INDEX changes_by_node ON identity.changes (project_number, node);
