#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <string>

#include "absl/status/status.h"
#include "common/base/secret.h"
#include "tools/datong/demo/estate.h"
#include "tools/datong/doors.h"
#include "tools/wechat_sim/simulator.h"

namespace datong::demo {

constexpr char kProject[] = "projects/demo";
constexpr char kCapturedProject[] = "projects/captured";

// A running suite as the story sees it: its doors, and the world around it.
struct Stage {
  tools::Doors doors;
  Secret api_key = {};  // none where callers are not authenticated
  // Its clock is the suite's.
  wechat_sim::Simulator* simulator = nullptr;
};

// What the story met on its way, besides what the suite's own answers tell.
struct Experience {
  std::map<int, absl::Time> follow_times;  // person → as the push was stamped
  int64_t sdk_requests = 0;
  int64_t logins = 0;
  int64_t pushes = 0;
  int64_t token_reads_under_load = 0;
  int64_t failed_token_reads = 0;
  int64_t distinct_tokens_seen = 0;
  int duplicate_batch_answer = 0;  // HTTP status
  int malformed_batch_answer = 0;
  std::string refusal_page;  // what the administrator read after refusing
  int64_t captured_requests = 0;
  absl::Duration elapsed;
};

// Tells the story on a running suite, through its public doors alone: accounts are connected
// through the pages, then days pass with their pushes, logins, events and nights. `progress` gets a
// line now and then. Errors: what the suite answered where it should not have.
absl::StatusOr<Experience> TellStory(const Stage& stage, const Estate& estate,
                                     const std::function<void(const std::string&)>& progress);

}  // namespace datong::demo
