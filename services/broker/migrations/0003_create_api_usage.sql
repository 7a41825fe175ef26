-- Calls to interfaces of the platform in the name of apps, of all replicas together.
CREATE TABLE broker.api_usage (
  appid            text NOT NULL,
  path             text NOT NULL,
  day              bigint NOT NULL,            -- of Shanghai; a later day begins at 0
  used             bigint NOT NULL,
  daily_limit      bigint,                     -- as the platform told; 0: none, NULL: not asked
  rate_calls       bigint NOT NULL DEFAULT 0,  -- so many within rate_seconds; 0: no limit known
  rate_seconds     bigint NOT NULL DEFAULT 0,
  checked_at       timestamptz,                -- business time: when the platform was asked
  stopped_until    timestamptz,                -- business time; the platform wants no calls before
  stopped_by_quota boolean NOT NULL DEFAULT false,
  PRIMARY KEY (appid, path)
);
