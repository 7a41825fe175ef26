-- The audit is append only: a row stays as it was written, for at least three years.
CREATE FUNCTION broker.keep_access_log() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' AND OLD.second < now() - interval '3 years' THEN
    RETURN OLD;
  END IF;
  RAISE EXCEPTION 'broker.access_log is append only' USING ERRCODE = 'insufficient_privilege';
END
$$;
CREATE TRIGGER keep_access_log BEFORE UPDATE OR DELETE ON broker.access_log
  FOR EACH ROW EXECUTE FUNCTION broker.keep_access_log();
CREATE TRIGGER keep_access_log_whole BEFORE TRUNCATE ON broker.access_log
  FOR EACH STATEMENT EXECUTE FUNCTION broker.keep_access_log();
