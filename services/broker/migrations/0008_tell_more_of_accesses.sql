-- Which call an access belongs to, and which token it was about. Empty for what is counted together,
-- but for the token.
ALTER TABLE broker.access_log
  ADD COLUMN fingerprint text NOT NULL DEFAULT '',
  ADD COLUMN request_id  text NOT NULL DEFAULT '',
  ADD COLUMN trace_id    text NOT NULL DEFAULT '',
  ADD COLUMN peer        text NOT NULL DEFAULT '';
