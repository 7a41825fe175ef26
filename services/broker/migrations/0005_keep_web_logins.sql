-- Whose session it is: identity's node of the openid and name of the person, so that erasures find
-- it; and the key before the last one, for data that was made just before it.
ALTER TABLE broker.sessions
  ADD COLUMN project              text NOT NULL DEFAULT '',
  ADD COLUMN person               text NOT NULL DEFAULT '',
  ADD COLUMN node                 bigint NOT NULL DEFAULT 0,
  ADD COLUMN previous_session_key bytea,       -- sealed
  ADD COLUMN previous_until       timestamptz;
UPDATE broker.sessions s
SET project = p.id,
    node = ('x' || encode(substr(sha256(int4send(p.number) ||
            convert_to('openid:' || s.appid || ':' || s.openid, 'UTF8')), 1, 8), 'hex'))::bit(64)::bigint
FROM broker.apps a JOIN broker.projects p ON p.id = a.project
WHERE a.appid = s.appid;
CREATE INDEX sessions_by_node ON broker.sessions (node);
CREATE INDEX sessions_by_person ON broker.sessions (person) WHERE person <> '';

-- Web logins under way.
CREATE TABLE broker.web_logins (
  state      text PRIMARY KEY,                 -- SHA-256 of the state
  project    text NOT NULL,
  appid      text NOT NULL,
  browser    text NOT NULL,                    -- SHA-256 of what the browser alone has
  return_to  text NOT NULL,
  expires_at timestamptz NOT NULL,
  used       boolean NOT NULL DEFAULT false
);
CREATE INDEX web_logins_by_age ON broker.web_logins (expires_at);

-- Tokens of users of web logins; only the newest of each works for sure.
CREATE TABLE broker.web_tokens (
  appid              text NOT NULL,
  openid             text NOT NULL,            -- PI
  project            text NOT NULL,
  person             text NOT NULL DEFAULT '',
  node               bigint NOT NULL,
  access_token       bytea NOT NULL,           -- sealed
  refresh_token      bytea,                    -- sealed
  scope              text NOT NULL,
  unionid            text NOT NULL,            -- PI
  expires_at         timestamptz NOT NULL,
  refresh_expires_at timestamptz NOT NULL,
  updated_at         timestamptz NOT NULL,
  PRIMARY KEY (appid, openid)
);
CREATE INDEX web_tokens_by_node ON broker.web_tokens (node);
CREATE INDEX web_tokens_by_person ON broker.web_tokens (person) WHERE person <> '';
CREATE INDEX web_tokens_by_age ON broker.web_tokens (refresh_expires_at);

-- Keys of the digests of phone numbers; never replaced, since identifiers are made with them.
CREATE TABLE broker.phone_keys (
  project    text PRIMARY KEY REFERENCES broker.projects (id),
  phone_key  bytea NOT NULL,                   -- sealed
  created_at timestamptz NOT NULL
);

-- How far identity's feed was followed, and who was erased lately: a login that was under way
-- meanwhile keeps nothing.
CREATE TABLE broker.identity_cursors (
  project text PRIMARY KEY,
  cursor  text NOT NULL
);
CREATE TABLE broker.erased_persons (
  project   text NOT NULL,
  person    text NOT NULL,
  erased_at timestamptz NOT NULL,
  PRIMARY KEY (project, person)
);
