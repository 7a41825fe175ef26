CREATE TABLE datacube.sync_runs (
  appid text NOT NULL,
  id bigint GENERATED ALWAYS AS IDENTITY,
  project text NOT NULL,
  trigger text NOT NULL,
  request_id text,
  request_text text NOT NULL,
  state text NOT NULL,
  reason text NOT NULL DEFAULT '',
  create_time timestamptz NOT NULL,
  end_time timestamptz,
  PRIMARY KEY (appid, id)
);
CREATE UNIQUE INDEX sync_runs_by_request ON datacube.sync_runs (appid, request_id);
CREATE INDEX sync_runs_by_project ON datacube.sync_runs (project, id);

-- Progress of a run, per interface. Rows of ended pieces are not kept.
CREATE TABLE datacube.sync_steps (
  appid text NOT NULL,
  run_id bigint NOT NULL,
  api text NOT NULL,
  pieces bigint NOT NULL DEFAULT 0,
  pieces_done bigint NOT NULL DEFAULT 0,
  pieces_failed bigint NOT NULL DEFAULT 0,
  rows bigint NOT NULL DEFAULT 0,
  rows_expected bigint NOT NULL DEFAULT 0,
  rows_refused bigint NOT NULL DEFAULT 0,
  evidence_sent bigint NOT NULL DEFAULT 0,
  reason text NOT NULL DEFAULT '',
  PRIMARY KEY (appid, run_id, api)
);

-- The queue: one row is one call to be made. Business times but for claimed_until, which is a lease
-- on the database's clock.
CREATE TABLE datacube.pieces (
  appid text NOT NULL,
  id bigint GENERATED ALWAYS AS IDENTITY,
  project text NOT NULL,
  run_id bigint NOT NULL,
  kind text NOT NULL,
  api text NOT NULL,
  priority integer NOT NULL,
  begin_day date,
  end_day date,
  cursor text NOT NULL DEFAULT '',
  collected bigint NOT NULL DEFAULT 0,
  payload jsonb NOT NULL DEFAULT '[]',
  observed_time timestamptz,
  attempts integer NOT NULL DEFAULT 0,
  due_time timestamptz NOT NULL,
  give_up_time timestamptz NOT NULL,
  condition text NOT NULL DEFAULT 'fine',
  reason text NOT NULL DEFAULT '',
  claim bigint NOT NULL DEFAULT 0,
  claimed_until timestamptz,
  PRIMARY KEY (appid, id)
);
CREATE INDEX pieces_due ON datacube.pieces (priority, due_time, id);
CREATE INDEX pieces_by_run ON datacube.pieces (appid, run_id);
CREATE INDEX pieces_claimed ON datacube.pieces (appid) WHERE claimed_until IS NOT NULL;
