#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <tuple>

namespace datong::wechat_sim::wecom {

// The bridges between unionids and people who are no customers yet: pending_ids, each for one asker
// (a provider or a shared app) about one person and corp, for 90 days. Not thread-safe.
class PendingBook {
 public:
  // The pending_id of the person; asked for again, it is renewed or, with `replace`, another one.
  std::string Issue(const std::string& asker, const std::string& corpid, const std::string& person,
                    bool replace, int64_t now);
  // The newest one that holds, or "".
  std::string Find(const std::string& asker, const std::string& corpid, const std::string& person,
                   int64_t now) const;

 private:
  struct Pending {
    std::string id;
    int64_t expires = 0;
  };
  std::map<std::tuple<std::string, std::string, std::string>, Pending> pendings_;
};

}  // namespace datong::wechat_sim::wecom
