#include "tools/wechat_sim/population.h"

#include "absl/time/time.h"
#include "common/time/shanghai.h"

namespace datong::wechat_sim {

int UserSourceOf(const std::string& scene) {
  static const auto& sources = *new std::map<std::string, int>{
      {"ADD_SCENE_SEARCH", 1},
      {"ADD_SCENE_PROFILE_CARD", 17},
      {"ADD_SCENE_QR_CODE", 30},
      {"ADD_SCENE_PROFILE_LINK", 57},
      {"ADD_SCENE_WECHAT_ADVERTISEMENT", 100},
      {"ADD_SCENE_WXA", 149},
      {"ADD_SCENE_REPRINT", 161},
      {"ADD_SCENE_CHANNELS", 200},
      {"ADD_SCENE_LIVESTREAM", 201},
  };
  const auto it = sources.find(scene);
  return it == sources.end() ? 0 : it->second;
}

const FollowPeriod* PeriodAt(const UserSpec& user, int64_t now) {
  for (const FollowPeriod& period : user.follows) {
    if (period.HoldsAt(now)) return &period;
  }
  return nullptr;
}

const std::string& PersonOf(const UserSpec& user) {
  if (!user.person.empty()) return user.person;
  return user.unionid.empty() ? user.openid : user.unionid;
}

void Population::Put(const UserSpec& user) {
  FindOrMake(user.openid) = user;
  if (index_[user.openid] < indexed_persons_) {
    persons_.clear();
    indexed_persons_ = 0;
  }
}

UserSpec* Population::FindPerson(const std::string& person) {
  for (; indexed_persons_ < users_.size(); ++indexed_persons_) {
    persons_.emplace(PersonOf(users_[indexed_persons_]), indexed_persons_);
  }
  const auto it = persons_.find(person);
  return it == persons_.end() ? nullptr : &users_[it->second];
}

UserSpec* Population::Find(const std::string& openid) {
  const auto it = index_.find(openid);
  return it == index_.end() ? nullptr : &users_[it->second];
}

const UserSpec* Population::Find(const std::string& openid) const {
  const auto it = index_.find(openid);
  return it == index_.end() ? nullptr : &users_[it->second];
}

UserSpec& Population::FindOrMake(const std::string& openid) {
  const auto [it, is_new] = index_.emplace(openid, users_.size());
  if (is_new) users_.emplace_back().openid = openid;
  return users_[it->second];
}

bool Population::Follow(const std::string& openid, int64_t at, const std::string& scene,
                        const std::string& qr_scene) {
  UserSpec& user = FindOrMake(openid);
  if (PeriodAt(user, at) != nullptr) return false;
  user.follows.push_back({at, 0, scene, qr_scene});
  return true;
}

bool Population::Unfollow(const std::string& openid, int64_t at) {
  UserSpec* user = Find(openid);
  if (user == nullptr) return false;
  for (FollowPeriod& period : user->follows) {
    if (!period.HoldsAt(at)) continue;
    period.until = at;
    return true;
  }
  return false;
}

int64_t Population::CountAt(int64_t now) const {
  int64_t count = 0;
  for (const UserSpec& user : users_) count += PeriodAt(user, now) != nullptr ? 1 : 0;
  return count;
}

bool Population::Page(const std::string& after, size_t limit, int64_t now,
                      std::vector<std::string>* openids) const {
  size_t start = 0;
  if (!after.empty()) {
    const auto it = index_.find(after);
    if (it == index_.end()) return false;
    start = it->second + 1;
  }
  for (size_t i = start; i < users_.size() && openids->size() < limit; ++i) {
    if (PeriodAt(users_[i], now) != nullptr) openids->push_back(users_[i].openid);
  }
  return true;
}

DaySummary Population::Summarize(absl::CivilDay day) const {
  const int64_t begin = absl::ToUnixSeconds(ShanghaiMidnight(day));
  const int64_t end = absl::ToUnixSeconds(ShanghaiMidnight(day + 1));
  DaySummary summary;
  for (const UserSpec& user : users_) {
    for (const FollowPeriod& period : user.follows) {
      if (period.from >= begin && period.from < end) {
        ++summary.new_users[UserSourceOf(period.scene)];
      }
      if (period.until >= begin && period.until < end) {
        ++summary.lost_users[UserSourceOf(period.scene)];
      }
    }
  }
  return summary;
}

int64_t Population::Cumulate(absl::CivilDay day) const {
  return CountAt(absl::ToUnixSeconds(ShanghaiMidnight(day + 1)) - 1);
}

}  // namespace datong::wechat_sim
