-- Personal data: columns marked PI hold what identifies or may identify a person.

-- The projects that are known here, with the number that stands in keys.
CREATE TABLE ingest.projects (
  number      int PRIMARY KEY CHECK (number > 0),
  project     text NOT NULL UNIQUE,            -- "demo" of projects/demo
  created_at  timestamptz NOT NULL DEFAULT now()
);

-- Where events come from. `number` stands in events.source_id.
CREATE TABLE ingest.sources (
  number              int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant_id           int NOT NULL REFERENCES ingest.projects (number),
  source              text NOT NULL,           -- "shop-h5" of projects/demo/sources/shop-h5
  display_name        text NOT NULL,
  kind                smallint NOT NULL,       -- 1 sdk, 2 server, 3 push
  surface             text NOT NULL,
  app                 text NOT NULL DEFAULT '',
  write_key           text NOT NULL UNIQUE,
  sdk_project         text NOT NULL,
  data_source_id      text NOT NULL DEFAULT '',
  device_scope        text NOT NULL,
  login_space         text NOT NULL,
  login_spaces        text NOT NULL DEFAULT '{}',   -- JSON object: userKey to login space
  device_id_is_openid boolean NOT NULL DEFAULT false,
  attribute_by        smallint NOT NULL DEFAULT 1,  -- 1 device, 2 login then device
  origins             text NOT NULL DEFAULT '[]',   -- JSON array
  trust               smallint NOT NULL,            -- 1 client, 2 server
  consent_mode        smallint NOT NULL DEFAULT 1,  -- 1 unless withdrawn, 2 required
  disabled            boolean NOT NULL DEFAULT false,
  created_at          timestamptz NOT NULL,
  updated_at          timestamptz NOT NULL,
  UNIQUE (tenant_id, source)
);
CREATE UNIQUE INDEX sources_by_data_source ON ingest.sources (sdk_project, data_source_id)
  WHERE data_source_id <> '';

-- The event stream. Partitioned by the time in event_id (a UUIDv8: 48 bits of client time in
-- milliseconds, then a digest of the content) into days of Asia/Shanghai.
CREATE TABLE ingest.events (
  event_id     uuid NOT NULL,
  event_time   timestamptz NOT NULL,       -- corrected; what questions are asked by
  received_at  timestamptz NOT NULL,
  client_time  timestamptz,
  sent_at      timestamptz,
  device_key   bigint NOT NULL,            -- stable over retries; the distribution column
  node         bigint NOT NULL,            -- the identifier that the event belongs to, for ever
  content_hash bigint NOT NULL,
  batch_id     bigint NOT NULL,            -- ingest.batches
  flags        bigint NOT NULL,            -- bits: see ingest.event_flags
  seq          bigint,
  tenant_id    int NOT NULL,               -- number of the project
  source_id    int NOT NULL,               -- number of the source
  event_type   smallint NOT NULL,          -- 0 VISIT, 1 CUSTOM, 2 VISITOR_ATTRIBUTES,
                                           -- 3 LOGIN_USER_ATTRIBUTES, 4 CONVERSION_VARIABLES,
                                           -- 5 APP_CLOSED, 6 PAGE, 7 PAGE_ATTRIBUTES, 8 VIEW_CLICK,
                                           -- 9 VIEW_CHANGE, 10 FORM_SUBMIT, 11 ACTIVATE,
                                           -- 12 REENGAGE, 100 PLATFORM_PUSH, 255 other
  ua_class     smallint NOT NULL,          -- 0 unknown, 1 human, 2 bot
  provenance   smallint NOT NULL,          -- dialect * 16 + collector * 2 + trust; dialect: 1 gio.v3,
                                           -- 2 segment, 3 grpc; collector: 1 http, 2 grpc;
                                           -- trust: 0 client, 1 server
  event_name   text,
  device_id    text,                       -- PI
  user_id      text,                       -- PI
  user_key     text,
  session_id   text,
  openid       text,                       -- PI; a claim unless trust is server
  unionid      text,                       -- PI; a claim unless trust is server
  platform     text,
  domain       text,
  path         text,
  referrer     text,
  title        text,
  ip_net       inet,                       -- PI; cut to /24 or /48
  rest         text NOT NULL,              -- PI; the whole event as received
  PRIMARY KEY (event_id, device_key)
) PARTITION BY RANGE (event_id);
CREATE INDEX events_received_at ON ingest.events USING brin (received_at);
CREATE INDEX events_event_time ON ingest.events USING brin (event_time);
CREATE INDEX events_batch_id ON ingest.events (batch_id);
CREATE TABLE ingest.events_default PARTITION OF ingest.events DEFAULT;

-- One row for each committed COPY. Readers follow batches whose xid is below
-- pg_snapshot_xmin(pg_current_snapshot()), fetch the events by batch_id (the event ids lie between
-- min_event_id and max_event_id) and compare the count.
CREATE TABLE ingest.batches (
  id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  xid            xid8 NOT NULL DEFAULT pg_current_xact_id(),
  committed_at   timestamptz NOT NULL,     -- business time of the writer
  row_count      int NOT NULL,
  tenant_ids     int[] NOT NULL,           -- projects touched
  days           date[] NOT NULL,          -- days of Asia/Shanghai touched, by event_time
  min_event_time timestamptz NOT NULL,
  max_event_time timestamptz NOT NULL,
  min_event_id   uuid NOT NULL,
  max_event_id   uuid NOT NULL
);
CREATE INDEX batches_xid ON ingest.batches (xid);

-- What was taken and could not be stored. Partitioned by day, kept 30 days.
CREATE TABLE ingest.quarantined_events (
  id           bigint NOT NULL,
  tenant_id    int NOT NULL,
  source_id    int,
  received_at  timestamptz NOT NULL,
  dialect      text NOT NULL,
  reason       text NOT NULL CHECK (reason IN ('malformed_json', 'bad_encoding', 'too_deep',
    'too_large_event', 'too_many_events', 'schema', 'no_identity', 'time_out_of_range', 'id_reused',
    'unknown_source')),
  detail       text NOT NULL,
  raw          bytea NOT NULL,             -- PI
  whole_body   boolean NOT NULL,           -- raw is a request body, not one event
  context      text NOT NULL,              -- JSON: what else the decoder needs, for replay; PI
  replayed_at  timestamptz,
  PRIMARY KEY (id, received_at)
) PARTITION BY RANGE (received_at);
CREATE SEQUENCE ingest.quarantine_ids;
CREATE INDEX quarantined_events_waiting ON ingest.quarantined_events (tenant_id, id)
  WHERE replayed_at IS NULL;
CREATE TABLE ingest.quarantined_events_default PARTITION OF ingest.quarantined_events DEFAULT;

-- Evidence that identity has yet to be told; written in the transaction of the events.
CREATE TABLE ingest.evidence_outbox (
  id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant_id    int NOT NULL,
  evidence_id  text NOT NULL,
  kind         text NOT NULL,              -- client.claim, tenant.login, tenant.import
  ids          text NOT NULL,              -- PI; JSON array of kind:scope:value
  app          text NOT NULL,              -- appid of the source, or empty
  source       text NOT NULL,              -- name of the source
  observed_at  timestamptz NOT NULL,
  leased_until timestamptz NOT NULL DEFAULT '-infinity',
  attempts     int NOT NULL DEFAULT 0
);
CREATE INDEX evidence_outbox_due ON ingest.evidence_outbox (leased_until, id);

-- Consent as identity tells it, by identifier node: what refuses or allows an event.
CREATE TABLE ingest.consents (
  tenant_id  int NOT NULL,
  node       bigint NOT NULL,
  granted    boolean NOT NULL,
  said_at    timestamptz NOT NULL,         -- the latest word holds
  PRIMARY KEY (tenant_id, node)
);

-- How far each feed of another service was read.
CREATE TABLE ingest.feed_cursors (
  feed       text NOT NULL,
  tenant_id  int NOT NULL,
  cursor     text NOT NULL,
  PRIMARY KEY (feed, tenant_id)
);

-- The bits of ingest.events.flags.
CREATE TABLE ingest.event_flags (
  bit   smallint PRIMARY KEY,
  flag  text NOT NULL UNIQUE
);
INSERT INTO ingest.event_flags (bit, flag) VALUES
  (0, 'clock_corrected'), (1, 'future_clamped'), (2, 'late'), (3, 'time_missing'),
  (4, 'time_invalid'), (5, 'time_after_send'), (6, 'sanitised'), (7, 'unknown_type'), (8, 'bot'),
  (9, 'embedded'), (10, 'trust_server'), (11, 'scope_unknown'), (12, 'domain_mismatch'),
  (13, 'origin_unlisted'), (14, 'text_cut'), (15, 'test_stream'), (16, 'referer_mismatch');

-- The stream with the whole event as jsonb.
CREATE VIEW ingest.events_json AS
  SELECT e.*, e.rest::jsonb AS event FROM ingest.events AS e;
