ALTER TABLE broker.apps
  ADD COLUMN classic_token boolean NOT NULL DEFAULT false,  -- from /cgi-bin/token
  ADD COLUMN js_domains    text    NOT NULL DEFAULT '';     -- hosts, parted by blanks

-- Tickets with which pages and cards are signed: jsapi_ticket and wx_card.
CREATE TABLE broker.js_tickets (
  appid      text NOT NULL,
  type       smallint NOT NULL,               -- JsTicketType
  ticket     bytea NOT NULL,                  -- sealed
  fetched_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  generation bigint NOT NULL,                 -- grows with every write
  PRIMARY KEY (appid, type)
);

-- When pushes of each app came last, for readiness. Behind by up to half a minute.
CREATE TABLE broker.push_sightings (
  appid          text PRIMARY KEY,
  accepted_at    timestamptz,
  refused_at     timestamptz,
  refused_reason text NOT NULL DEFAULT ''
);

-- The last comparison of each component's accounts with WeChat's list.
CREATE TABLE broker.reconciliations (
  component     text PRIMARY KEY,
  reconciled_at timestamptz NOT NULL,
  listed        bigint NOT NULL,
  not_taken     text NOT NULL                 -- "appid reason", a line each
);

CREATE INDEX authorization_links_by_account
  ON broker.authorization_links (project, biz_appid) WHERE biz_appid <> '';
