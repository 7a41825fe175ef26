-- What insight derives from other services' feeds; it can be dropped and built again at any time.
-- Personal data: columns marked PI.

-- How far identity's feed was read, for each project that was ever asked about.
CREATE TABLE insight.feeds (
  project         text PRIMARY KEY,          -- "demo" of projects/demo
  project_number  int NOT NULL UNIQUE,
  cursor          text NOT NULL,             -- identity's; empty at the start
  version         bigint NOT NULL,           -- the newest change applied
  updated_at      timestamptz NOT NULL DEFAULT now()
);

-- Whose each identifier is. Events are joined by node; a node without a row, or without a person,
-- is somebody of its own.
CREATE TABLE insight.node_person (
  project_number   int NOT NULL,
  node             bigint NOT NULL,
  identifier       text NOT NULL,            -- PI; kind:scope:value
  kind             text NOT NULL,
  value            text NOT NULL,            -- PI
  person           text,                     -- the last part of the person's name
  person_index     bigint,
  previous_person  text,                     -- who held it before
  version          bigint NOT NULL,          -- of the change that made the row
  linked_at        timestamptz NOT NULL,
  PRIMARY KEY (project_number, node),
  CHECK ((person IS NULL) = (person_index IS NULL))
);
CREATE INDEX node_person_by_index ON insight.node_person (project_number, person_index);
CREATE INDEX node_person_by_value ON insight.node_person (project_number, value);
CREATE INDEX node_person_by_person ON insight.node_person (project_number, person);
CREATE INDEX node_person_by_previous ON insight.node_person (project_number, previous_person)
  WHERE previous_person IS NOT NULL;
