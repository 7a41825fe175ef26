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
