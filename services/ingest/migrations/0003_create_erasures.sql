-- Nodes of persons who were erased: what of them is from before is kept out.
CREATE TABLE ingest.erased_nodes (
  tenant_id  int NOT NULL,
  node       bigint NOT NULL,
  erased_at  timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, node)
);
