-- The feed tells of refusals too, and attributes say which consent they need.

-- Names a refusal in the feed; says nothing of identifiers, so that it may stay after an erasure.
ALTER TABLE identity.refusals ADD COLUMN number bigint GENERATED ALWAYS AS IDENTITY;

-- Of the kinds 7 person created, 8 refusal opened, 9 refusal closed: `person`, or these.
ALTER TABLE identity.changes
  ADD COLUMN refusal bigint,
  ADD COLUMN refused_ids text[],                   -- PI; empty once one of them was erased
  ADD COLUMN reason text;
CREATE INDEX changes_by_refusal ON identity.changes (project_number, refusal)
  WHERE refusal IS NOT NULL;

-- Who was absorbed by whom, for parts that return.
CREATE INDEX changes_of_merges ON identity.changes (project_number, person) WHERE kind = 4;

-- What erasures look for outside of the raw components of the erased.
CREATE INDEX evidence_that_never_counts ON identity.evidence USING gin (ids) WHERE watermark >= 2;
CREATE INDEX refusals_of_many ON identity.refusals USING gin (ids)
  WHERE reason IN ('watermark_invalid', 'scope_unknown');

-- A purpose of identity.consents, or '' for none.
ALTER TABLE identity.attributes ADD COLUMN consent_class text NOT NULL DEFAULT '';
