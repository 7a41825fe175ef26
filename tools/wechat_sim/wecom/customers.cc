#include "tools/wechat_sim/wecom/customers.h"

#include <algorithm>

namespace datong::wechat_sim::wecom {
namespace {

constexpr int64_t kKfVisitHolds = 48 * 3600;

}  // namespace

std::string BoundUnionid(World& world, const Corp& corp, const std::string& developer_appid,
                         const std::string& person, const std::string& told) {
  const App* developer = developer_appid.empty() ? nullptr : world.Find(developer_appid);
  if (developer == nullptr || !developer->spec.verified) return "";
  const std::string& account = developer->spec.open_platform_account;
  if (account.empty() || developer->spec.principal_name != corp.spec.entity) return "";
  for (auto& [appid, app] : world.apps) {
    if (app.spec.open_platform_account != account) continue;
    const UserSpec* user = app.population.FindPerson(person);
    if (user != nullptr && !user->unionid.empty()) return user->unionid;
  }
  return told;
}

std::string ContactUnionid(Call& call, const std::string& person, const std::string& told) {
  const bool is_legacy = call.developer() == kAgency && !call.install->has_new_external &&
                         call.estate.settings.legacy_agency_unionid;
  if (call.developer() != kSelfBuilt && !is_legacy) return "";
  if (!IsWechatUser(*call.corp, person)) return "";
  return BoundUnionid(call.api.world, *call.corp, call.corp->spec.developer_appid, person, told);
}

std::string PersonOfUser(World& world, const std::string& openid, const std::string& unionid,
                         const App** app) {
  for (auto& [appid, candidate] : world.apps) {
    const UserSpec* user = candidate.population.Find(openid);
    if (user == nullptr || unionid.empty() || UnionidOf(candidate, *user) != unionid) continue;
    *app = &candidate;
    return PersonOf(*user);
  }
  return "";
}

std::vector<const FollowSpec*> FollowsOf(const Estate& estate, const ContactSpec& contact,
                                         const std::vector<std::string>& scope, int64_t now) {
  std::vector<const FollowSpec*> follows;
  for (const FollowSpec& follow : contact.follows) {
    if (Holds(scope, follow.userid) && IsVisible(follow, now, estate.settings.visible_after_s)) {
      follows.push_back(&follow);
    }
  }
  return follows;
}

bool IsContact(const Estate& estate, const Corp& corp, const std::string& person,
               const std::vector<std::string>& scope, int64_t now) {
  const auto it = corp.contacts.find(person);
  return it != corp.contacts.end() && !FollowsOf(estate, it->second, scope, now).empty();
}

bool IsInGroup(const Group& group, const std::string& person) {
  return !group.spec.is_dismissed &&
         std::any_of(group.spec.members.begin(), group.spec.members.end(),
                     [&](const GroupMemberSpec& member) { return member.person == person; });
}

bool IsCustomer(const Estate& estate, const Corp& corp, const std::string& person,
                const std::vector<std::string>& scope, int64_t now) {
  if (IsContact(estate, corp, person, scope, now)) return true;
  for (const auto& [chat, group] : corp.groups) {
    if (Holds(scope, group.spec.owner) && IsInGroup(group, person)) return true;
  }
  const auto visit = corp.kf_visits.find(person);
  return visit != corp.kf_visits.end() && now < visit->second.at + kKfVisitHolds;
}

}  // namespace datong::wechat_sim::wecom
