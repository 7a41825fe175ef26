-- What persons agreed to, by identifier. Append-only.
CREATE TABLE identity.consents (
  project_number integer NOT NULL,
  node           bigint NOT NULL,
  identifier     text NOT NULL,                    -- PI
  purpose        text NOT NULL,
  granted        boolean NOT NULL,
  source         text NOT NULL,
  said_at        timestamptz NOT NULL,
  recorded_at    timestamptz NOT NULL,
  version        bigint NOT NULL,
  PRIMARY KEY (project_number, node, purpose, said_at, source, granted)
);
CREATE INDEX consents_by_version ON identity.consents (project_number, version);

-- Values of attributes, by the identifier they were told of. Append-only.
CREATE TABLE identity.attributes (
  project_number integer NOT NULL,
  node           bigint NOT NULL,
  name           text NOT NULL,
  source         text NOT NULL,
  valid_from     timestamptz NOT NULL,
  value          text NOT NULL,                    -- JSON; PI
  recorded_at    timestamptz NOT NULL,
  PRIMARY KEY (project_number, node, name, valid_from, source)
);
