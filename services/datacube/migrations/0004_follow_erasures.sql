-- Who was erased, by identity's node of the openid: kept out of rosters until the person is known again.
CREATE TABLE datacube.erased_nodes (
  project text NOT NULL,
  node bigint NOT NULL,
  erased_at timestamptz NOT NULL,
  PRIMARY KEY (project, node)
);

-- Where identity's feed of erasures was read to. Its row is the lock of the project's rosters.
CREATE TABLE datacube.erasure_feeds (
  project text NOT NULL,
  project_number integer NOT NULL,
  cursor text NOT NULL,
  PRIMARY KEY (project)
);

-- identity's node of an identifier.
CREATE FUNCTION datacube.node_of(project_number integer, identifier text) RETURNS bigint
  LANGUAGE sql IMMUTABLE AS $$
  SELECT ('x' || encode(substring(sha256(int4send($1) || convert_to($2, 'UTF8')) FROM 1 FOR 8),
                        'hex'))::bit(64)::bigint $$;
