-- What of personal data a source's events keep: JSON, as core/source.h names the fields.
ALTER TABLE ingest.sources ADD COLUMN privacy text NOT NULL DEFAULT '{}';

-- What one person did, without reading whole days.
CREATE INDEX events_node_time ON ingest.events (node, event_time);

-- What retention looks for.
CREATE INDEX batches_committed_at ON ingest.batches USING brin (committed_at);
