-- What a run has seen of a roster, a row a page, until the run knows who has left. PI: openids.
-- (appid, run) is complete when the listing is; rows go with the run's last page.
CREATE TABLE datacube.roster_pages (
  appid text NOT NULL,
  run bigint NOT NULL,
  first_openid text NOT NULL,
  openids jsonb NOT NULL,
  PRIMARY KEY (appid, run, first_openid)
);
-- Followers that are only seen again are no longer written.
DROP INDEX datacube.followers_seen;
