#pragma once

#include <initializer_list>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/http/client.h"
#include "common/metrics/registry.h"
#include "common/time/deadline.h"
#include "common/wechat/answer.h"

namespace datong::broker {

// A successful answer that lacks a field without which it is of no use.
absl::Status IncompleteAnswer(const char* field);

// Asks one platform for JSON over HTTP, as wechat-platform's conventions are: POST with a JSON body
// of raw UTF-8, tokens in the query, HTTP 200 with an errcode for failures. Counts
// datong_upstream_* by path: those given here have series of their own, from zero; all others are
// "other". Thread-safe; blocks. Every port to the platform has one of its own.
class PlatformHttp {
 public:
  using Query = std::vector<std::pair<std::string, std::string>>;

  // `url` has no slash at the end. `http` and `registry` must outlive it.
  PlatformHttp(std::string url, std::initializer_list<const char*> paths, http::Client& http,
               metrics::Registry& registry);

  // Answers that say success. Errors: UNAVAILABLE or DEADLINE_EXCEEDED when there was no answer
  // that can be read (HTTP_…, ANSWER_…); for an errcode, those of wechat::ErrorCodeStatus.
  absl::StatusOr<wechat::Answer> Get(const std::string& path, const Query& query,
                                     Deadline deadline);
  absl::StatusOr<wechat::Answer> Post(const std::string& path, const Query& query,
                                      const nlohmann::json& body, Deadline deadline);
  // The body of the answer, whatever it says. `body` is sent as it is.
  absl::StatusOr<http::ClientResponse> Send(const std::string& method, const std::string& path,
                                            const Query& query, const std::string& body,
                                            Deadline deadline);

 private:
  void Count(const std::string& label, const absl::Status& transport, int64_t errcode,
             absl::Duration elapsed);

  const std::string url_;
  absl::flat_hash_set<std::string> paths_;
  http::Client& http_;
  metrics::Registry& registry_;
};

}  // namespace datong::broker
