-- WeCom: apps of corps, suites and providers, corps that authorised suites, and what is read of them.

ALTER TABLE broker.apps
  ADD COLUMN corpid  text NOT NULL DEFAULT '',   -- of WeCom's kinds; a suite's is its provider's
  ADD COLUMN agentid bigint NOT NULL DEFAULT 0;

-- Corps that authorised a suite. The permanent code is broker.tokens.refresh_token.
CREATE TABLE broker.wecom_corps (
  appid           text PRIMARY KEY REFERENCES broker.apps (appid),
  project         text NOT NULL,
  suite           text NOT NULL,
  mode            smallint NOT NULL DEFAULT 0,   -- WecomMode
  corp_name       text NOT NULL DEFAULT '',
  corp_full_name  text NOT NULL DEFAULT '',
  verified        boolean NOT NULL DEFAULT false,
  subject_type    int NOT NULL DEFAULT 0,
  privilege_level int NOT NULL DEFAULT 0,
  authorized_at   timestamptz NOT NULL,
  revoked_at      timestamptz,
  details_known   boolean NOT NULL DEFAULT false
);
CREATE INDEX wecom_corps_by_project ON broker.wecom_corps (project, appid);

-- Pending ids that were issued and that no contact came out of yet.
CREATE TABLE broker.wecom_pendings (
  appid     text NOT NULL,
  digest    text NOT NULL,                       -- SHA-256 of the pending_id
  issued_at timestamptz NOT NULL,
  PRIMARY KEY (appid, digest)
);
CREATE INDEX wecom_pendings_by_age ON broker.wecom_pendings (appid, issued_at);

-- The newest pass over the contacts of each corp.
CREATE TABLE broker.wecom_rosters (
  appid        text PRIMARY KEY,
  state        smallint NOT NULL,                -- WecomRoster::State
  started_at   timestamptz NOT NULL,
  ended_at     timestamptz,
  members      int NOT NULL,
  members_done int NOT NULL,
  contacts     bigint NOT NULL,
  unionids     bigint NOT NULL,
  cursor       text NOT NULL,
  error        text NOT NULL
);
