-- What evidence is admitted and scoped by may change while a batch is on its way.

ALTER TABLE identity.projects
  -- Goes up with erasures, withdrawn phones and bindings. A batch that read before it went up and
  -- comes to commit after is done again.
  ADD COLUMN rules_version bigint NOT NULL DEFAULT 0;
