#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/time/civil_time.h"
#include "tools/wechat_sim/model.h"

namespace datong::wechat_sim {

// New and lost followers of one day by user_source.
struct DaySummary {
  std::map<int, int64_t> new_users;
  std::map<int, int64_t> lost_users;
};

// WeChat's follower channel (user_source of getusersummary) for a subscribe_scene.
int UserSourceOf(const std::string& scene);

// The users of one app and whom of them it has as followers, when. The statistics are counted from
// the same follow periods that the follower list shows. Not thread-safe.
class Population {
 public:
  void Put(const UserSpec& user);
  UserSpec* Find(const std::string& openid);
  const UserSpec* Find(const std::string& openid) const;
  // The first user of that person (PersonOf), or nullptr.
  UserSpec* FindPerson(const std::string& person);
  // The user, made when unknown.
  UserSpec& FindOrMake(const std::string& openid);

  // False when the user follows already (or does not follow) at that time.
  bool Follow(const std::string& openid, int64_t at, const std::string& scene,
              const std::string& qr_scene);
  bool Unfollow(const std::string& openid, int64_t at);

  int64_t CountAt(int64_t now) const;
  // At most `limit` openids of followers after `after` ("" = from the start), in the order in which
  // they became known. False when `after` is unknown.
  bool Page(const std::string& after, size_t limit, int64_t now,
            std::vector<std::string>* openids) const;
  DaySummary Summarize(absl::CivilDay day) const;
  // Followers at the end of the day.
  int64_t Cumulate(absl::CivilDay day) const;

  const std::deque<UserSpec>& users() const { return users_; }

 private:
  std::deque<UserSpec> users_;
  absl::flat_hash_map<std::string, size_t> index_;
  // Made when first asked for, as far as `users_` went then.
  absl::flat_hash_map<std::string, size_t> persons_;
  size_t indexed_persons_ = 0;
};

// Who the user is, the same over all apps: `person`, else the unionid, else the openid.
const std::string& PersonOf(const UserSpec& user);

// The period that holds at `now`, or nullptr.
const FollowPeriod* PeriodAt(const UserSpec& user, int64_t now);

}  // namespace datong::wechat_sim
