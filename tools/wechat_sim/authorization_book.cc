#include "tools/wechat_sim/authorization_book.h"

#include "absl/strings/str_cat.h"
#include "tools/wechat_sim/token_book.h"

namespace datong::wechat_sim {
namespace {

constexpr int64_t kTicketLifetime = 12 * 3600;
constexpr int64_t kAuthCodeLifetime = 3600;
constexpr size_t kRememberedTickets = 300;

}  // namespace

std::string AuthorizationBook::MakeTicket(const std::string& component, int64_t now) {
  std::vector<Ticket>& tickets = tickets_[component];
  if (tickets.size() >= kRememberedTickets) tickets.erase(tickets.begin());
  tickets.push_back({absl::StrCat("ticket@@@", RandomText(90)), now});
  return tickets.back().value;
}

int64_t AuthorizationBook::CheckTicket(const std::string& component, const std::string& ticket,
                                       int64_t now) const {
  const auto it = tickets_.find(component);
  if (it == tickets_.end()) return 61006;
  for (const Ticket& known : it->second) {
    if (known.value == ticket) return now < known.created + kTicketLifetime ? 0 : 61005;
  }
  return 61006;
}

std::string AuthorizationBook::MakePreAuthCode(const std::string& component, int64_t now,
                                               int64_t lifetime) {
  const std::string code = absl::StrCat("preauthcode@@@", RandomText(64));
  pre_auth_codes_[code] = {component, now + lifetime, false};
  return code;
}

PreAuthCode* AuthorizationBook::FindPreAuthCode(const std::string& code) {
  const auto it = pre_auth_codes_.find(code);
  return it == pre_auth_codes_.end() ? nullptr : &it->second;
}

std::string AuthorizationBook::Authorize(const std::string& component, const std::string& appid,
                                         const std::vector<int>& sets,
                                         const std::string& pre_auth_code, int64_t now,
                                         std::string* event) {
  Grant& grant = grants_[{component, appid}];
  if (!grant.is_standing) {
    // After an unauthorize the earlier refresh token is dead for ever.
    grant.refresh_token = absl::StrCat("refreshtoken@@@", RandomText(44));
    grant.older_refresh_token.clear();
    *event = "authorized";
  } else {
    *event = grant.sets == sets ? "" : "updateauthorized";
  }
  grant.sets = sets;
  grant.auth_time = now;
  grant.is_standing = true;
  if (PreAuthCode* used = FindPreAuthCode(pre_auth_code); used != nullptr) used->is_used = true;
  const std::string code = absl::StrCat("queryauthcode@@@", RandomText(70));
  auth_codes_[code] = {component, appid, pre_auth_code, now + kAuthCodeLifetime, false};
  return code;
}

AuthCode* AuthorizationBook::FindAuthCode(const std::string& code) {
  const auto it = auth_codes_.find(code);
  return it == auth_codes_.end() ? nullptr : &it->second;
}

bool AuthorizationBook::Unauthorize(const std::string& component, const std::string& appid) {
  Grant* grant = FindGrant(component, appid);
  if (grant == nullptr || !grant->is_standing) return false;
  grant->is_standing = false;
  return true;
}

Grant* AuthorizationBook::FindGrant(const std::string& component, const std::string& appid) {
  const auto it = grants_.find({component, appid});
  return it == grants_.end() ? nullptr : &it->second;
}

}  // namespace datong::wechat_sim
