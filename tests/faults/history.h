#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/time/time.h"

namespace datong::faults {

// A write of a token that the database committed.
struct TokenWrite {
  std::string appid;
  int64_t generation = 0;
  int64_t epoch = 0;  // of the lease under which it was written; 0: an authorisation, under none
  std::string fingerprint;
  absl::Time at;
};

// What one call of GetToken told one reader. A reader asks one replica, through its restarts too.
struct TokenRead {
  int reader = 0;
  std::string appid;
  absl::Time begin;
  absl::Time end;
  absl::Time business_begin;  // what the business clock showed at `begin`
  bool clock_agreed = true;   // the replica was known to follow that clock all the time
  std::string fingerprint;
  absl::Time expires;
};

struct History {
  std::vector<TokenWrite> writes;
  std::vector<TokenRead> reads;  // those that were answered with a token, in order by reader
};

struct Rules {
  // No replica serves a token longer than this after it was replaced.
  absl::Duration longest_stale = absl::Seconds(10);
  // Leases and epochs are of the token's own refreshes.
  bool epochs = true;
};

// What is wrong with the history, a sentence each; nothing when all is right:
// - generations of an app follow each other without a gap: no write was lost or overwrote another;
// - each epoch has one write at most, and epochs grow: there was one refresher at a time;
// - what was read had been committed before;
// - versions only grow, for each reader;
// - nothing expired was served, and nothing that was replaced long ago.
std::vector<std::string> Violations(const History& history, const Rules& rules = {});

// The 99th percentile of how long reads took that were answered from memory: all but those of who
// asked before anybody had the token that he got, and so had to wait for it.
absl::Duration CachedP99(const std::vector<TokenRead>& reads);

}  // namespace datong::faults
