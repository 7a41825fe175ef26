-- What replicas must know of each other's refreshes.
CREATE TABLE broker.token_health (
  appid          text PRIMARY KEY,
  held_until     timestamptz,                 -- the database's clock; nobody asks the platform before
  held_reason    text NOT NULL DEFAULT '',
  held_message   text NOT NULL DEFAULT '',
  failures       int NOT NULL DEFAULT 0,      -- in a row
  prepared_epoch bigint,                      -- of the lease under which an answer is awaited; NULL: none
  replaced_at    timestamptz,                 -- business time: when a refused token was replaced last
  forced_at      timestamptz,                 -- business time
  forced_day     bigint NOT NULL DEFAULT 0,
  forced         int NOT NULL DEFAULT 0,      -- on that day
  refused_since  timestamptz,                 -- business time: begin of the hour in which refusals count
  refused        int NOT NULL DEFAULT 0
);
