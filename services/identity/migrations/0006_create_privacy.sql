-- Who was erased, for those who keep something under a node. Read in the order of `erasure`, which is
-- given out under the lock of the project's row; removed after 90 days.
CREATE TABLE identity.erased_nodes (
  project_number integer NOT NULL,
  entry          bigint GENERATED ALWAYS AS IDENTITY,
  node           bigint NOT NULL,
  erased_at      timestamptz NOT NULL,              -- what was observed until then goes
  entered_at     timestamptz NOT NULL,
  PRIMARY KEY (project_number, entry)
);

ALTER TABLE identity.erasures ADD COLUMN requested_at timestamptz NOT NULL DEFAULT now();

-- Orders, sign-ups, results of activities, by the identifier they were told of.
CREATE TABLE identity.business_records (
  project_number integer NOT NULL,
  node           bigint NOT NULL,
  kind           text NOT NULL,
  record_key     text NOT NULL,
  source         text NOT NULL,
  value          text NOT NULL,                     -- JSON; PI
  occurred_at    timestamptz NOT NULL,
  recorded_at    timestamptz NOT NULL,
  PRIMARY KEY (project_number, node, kind, record_key)
);
