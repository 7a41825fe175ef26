-- An instant as whole microseconds since 1970, as the service reads it.
CREATE FUNCTION datacube.micros(timestamptz) RETURNS bigint LANGUAGE sql IMMUTABLE
  AS $$ SELECT (extract(epoch FROM $1) * 1000000)::bigint $$;

-- Accounts as broker's feed told them.
CREATE TABLE datacube.accounts (
  appid text NOT NULL,
  project text NOT NULL,
  kind text NOT NULL,
  connected boolean NOT NULL,
  detail text NOT NULL,
  authorize_time timestamptz,
  wanted_begin date NOT NULL,
  next_night timestamptz NOT NULL,
  roster_complete_time timestamptz,
  PRIMARY KEY (appid)
);
CREATE INDEX accounts_by_project ON datacube.accounts (project, appid);
CREATE INDEX accounts_by_night ON datacube.accounts (next_night)
  WHERE connected AND kind = 'official_account';

-- Where each project's account feed was read to.
CREATE TABLE datacube.feed_cursors (
  project text NOT NULL,
  cursor text NOT NULL,
  PRIMARY KEY (project)
);

-- What is known of an interface beyond its data.
CREATE TABLE datacube.api_states (
  appid text NOT NULL,
  api text NOT NULL,
  condition text NOT NULL,
  reason text NOT NULL,
  closed_until timestamptz,
  last_success_time timestamptz,
  PRIMARY KEY (appid, api)
);

-- Days that are known, also those that the platform finally gave no rows for.
CREATE TABLE datacube.days (
  appid text NOT NULL,
  api text NOT NULL,
  day date NOT NULL,
  has_rows boolean NOT NULL,
  PRIMARY KEY (appid, api, day)
);

-- getusersummary. `raw_json` is the row as it came: unknown fields are kept there.
CREATE TABLE datacube.follower_changes (
  appid text NOT NULL,
  project text NOT NULL,
  day date NOT NULL,
  user_source bigint NOT NULL,
  new_user bigint,
  cancel_user bigint,
  raw_json text NOT NULL,
  fetch_time timestamptz NOT NULL,
  PRIMARY KEY (appid, day, user_source)
);
CREATE INDEX follower_changes_by_day ON datacube.follower_changes (project, day);

-- getusercumulate.
CREATE TABLE datacube.follower_totals (
  appid text NOT NULL,
  project text NOT NULL,
  day date NOT NULL,
  cumulate_user bigint,
  raw_json text NOT NULL,
  fetch_time timestamptz NOT NULL,
  PRIMARY KEY (appid, day)
);
CREATE INDEX follower_totals_by_day ON datacube.follower_totals (project, day);

-- The roster: who follows or followed. openid and unionid are personal data, kept as long as the
-- account is connected, for the join of persons.
CREATE TABLE datacube.followers (
  appid text NOT NULL,
  openid text NOT NULL,
  follows boolean NOT NULL,
  unionid text NOT NULL DEFAULT '',
  subscribe_time timestamptz,
  scene text NOT NULL DEFAULT '',
  -- Unset: never described by the platform, or refused.
  info_time timestamptz,
  refused boolean NOT NULL DEFAULT false,
  -- The newest run that saw the openid in the list.
  seen_run bigint NOT NULL,
  left_time timestamptz,
  PRIMARY KEY (appid, openid)
);
CREATE INDEX followers_seen ON datacube.followers (appid, seen_run) WHERE follows;
