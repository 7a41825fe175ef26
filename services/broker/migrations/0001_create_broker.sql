-- Columns marked "sealed" hold envelopes of common/crypto; those marked PI identify persons.

CREATE TABLE broker.projects (
  id           text PRIMARY KEY,              -- "demo" of projects/demo
  number       int GENERATED ALWAYS AS IDENTITY UNIQUE,
  display_name text NOT NULL,
  created_at   timestamptz NOT NULL
);

-- Every credentialed surface: with a secret of its own, or behind a component.
CREATE TABLE broker.apps (
  appid                 text PRIMARY KEY,     -- belongs to one project of the installation
  project               text NOT NULL REFERENCES broker.projects (id),
  kind                  smallint NOT NULL,    -- AppKind; 0 while details are still to come
  display_name          text NOT NULL,
  open_platform_account text NOT NULL,
  component             text NOT NULL,        -- '' when it has a secret of its own
  state                 smallint NOT NULL,    -- AppState
  state_detail          text NOT NULL DEFAULT '',
  original_id           text NOT NULL DEFAULT '',
  credentials           bytea,                -- sealed: secret, callback token and key, and the ones before
  created_at            timestamptz NOT NULL
);
CREATE INDEX apps_by_project ON broker.apps (project, appid);

-- What accounts granted to components.
CREATE TABLE broker.authorizations (
  appid           text PRIMARY KEY REFERENCES broker.apps (appid),
  project         text NOT NULL,
  component       text NOT NULL,
  permission_sets int[] NOT NULL,
  nick_name       text NOT NULL DEFAULT '',
  principal_name  text NOT NULL DEFAULT '',
  service_type    int NOT NULL DEFAULT -1,
  verify_type     int NOT NULL DEFAULT -1,
  original_id     text NOT NULL DEFAULT '',
  authorized_at   timestamptz NOT NULL,
  revoked_at      timestamptz,
  details_known   boolean NOT NULL DEFAULT false
);
CREATE INDEX authorizations_by_project ON broker.authorizations (project, appid);

-- The account feed: which account changed. Read by (xid, id), see common/postgres/outbox.h.
CREATE TABLE broker.account_changes (
  id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  xid        xid8 NOT NULL DEFAULT pg_current_xact_id(),
  project    text NOT NULL,
  appid      text NOT NULL,
  changed_at timestamptz NOT NULL
);
CREATE INDEX account_changes_in_order ON broker.account_changes (project, xid, id);

CREATE TABLE broker.tokens (
  appid                  text PRIMARY KEY,
  access_token           bytea,               -- sealed; NULL: none
  refresh_token          bytea,               -- sealed; NULL: none
  previous_refresh_token bytea,               -- sealed; kept for recovery
  fetched_at             timestamptz NOT NULL,
  expires_at             timestamptz NOT NULL,
  generation             bigint NOT NULL      -- grows with every write, never back
);

-- The newest component_verify_ticket of each component.
CREATE TABLE broker.tickets (
  component   text PRIMARY KEY,
  ticket      bytea NOT NULL,                 -- sealed
  created_at  timestamptz NOT NULL,           -- by WeChat's clock
  received_at timestamptz NOT NULL
);

CREATE TABLE broker.authorization_links (
  id         text PRIMARY KEY,
  project    text NOT NULL,
  component  text NOT NULL,
  type       smallint NOT NULL,               -- auth_type of WeChat's page
  biz_appid  text NOT NULL,
  expires_at timestamptz NOT NULL,
  appid      text NOT NULL DEFAULT ''         -- who authorised through it
);

CREATE TABLE broker.pre_auth_codes (
  digest     text PRIMARY KEY,                -- SHA-256 of the code
  link       text NOT NULL,
  expires_at timestamptz NOT NULL
);

-- Authorisation codes that were exchanged: each once.
CREATE TABLE broker.authorization_codes (
  digest       text PRIMARY KEY,              -- SHA-256 of the code
  appid        text NOT NULL,
  exchanged_at timestamptz NOT NULL
);

CREATE TABLE broker.sessions (
  appid       text NOT NULL,
  openid      text NOT NULL,                  -- PI
  session_key bytea NOT NULL,                 -- sealed
  updated_at  timestamptz NOT NULL,
  PRIMARY KEY (appid, openid)
);

-- Keys of the pushes that came, so that a repeated one changes nothing.
CREATE TABLE broker.inbox (
  key         text PRIMARY KEY,               -- appid and a digest
  received_at timestamptz NOT NULL
);
CREATE INDEX inbox_by_age ON broker.inbox (received_at);

-- Background work; see common/postgres/job_queue.h. Payloads are sealed.
CREATE TABLE broker.jobs (
  id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  kind          text NOT NULL,
  key           text NOT NULL,
  payload       text NOT NULL DEFAULT '',
  due_at        timestamptz NOT NULL,
  revision      bigint NOT NULL DEFAULT 1,
  claim         bigint NOT NULL DEFAULT 0,
  claimed_until timestamptz,
  attempts      int NOT NULL DEFAULT 0,
  last_error    text NOT NULL DEFAULT '',
  created_at    timestamptz NOT NULL DEFAULT now(),
  UNIQUE (kind, key)
);
CREATE INDEX jobs_due ON broker.jobs (kind, due_at);

CREATE TABLE broker.leases (
  name       text PRIMARY KEY,
  holder     text NOT NULL,
  epoch      bigint NOT NULL,
  expires_at timestamptz NOT NULL
);

-- Who used which credential. Append only.
CREATE TABLE broker.access_log (
  id       text NOT NULL,
  second   timestamptz NOT NULL,
  project  text NOT NULL,
  appid    text NOT NULL,
  app_kind smallint NOT NULL,
  caller   text NOT NULL,
  action   text NOT NULL,
  allowed  boolean NOT NULL,
  reason   text NOT NULL,
  count    bigint NOT NULL,
  PRIMARY KEY (second, id)
);
CREATE INDEX access_log_newest ON broker.access_log (project, second DESC, id DESC);
