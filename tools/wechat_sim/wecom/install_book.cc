#include "tools/wechat_sim/wecom/install_book.h"

#include "tools/wechat_sim/token_book.h"

namespace datong::wechat_sim::wecom {
namespace {

constexpr int64_t kTicketLifetime = 1800;
constexpr int64_t kPreAuthCodeLifetime = 1200;
constexpr int64_t kAuthCodeLifetime = 600;
constexpr size_t kRememberedTickets = 300;

}  // namespace

std::string InstallBook::MakeTicket(const std::string& suite_id, int64_t now) {
  auto& tickets = tickets_[suite_id];
  if (tickets.size() >= kRememberedTickets) tickets.pop_front();
  tickets.emplace_back(RandomText(64), now);
  return tickets.back().first;
}

bool InstallBook::IsTicketGood(const std::string& suite_id, const std::string& ticket,
                               int64_t now) const {
  const auto it = tickets_.find(suite_id);
  if (it == tickets_.end()) return false;
  for (const auto& [known, created] : it->second) {
    if (known == ticket) return now < created + kTicketLifetime;
  }
  return false;
}

std::string InstallBook::MakePreAuthCode(const std::string& suite_id, int64_t now) {
  const std::string code = RandomText(64);
  pre_auth_codes_[code] = {suite_id, now + kPreAuthCodeLifetime};
  return code;
}

PreAuthCode* InstallBook::FindPreAuthCode(const std::string& code) {
  const auto it = pre_auth_codes_.find(code);
  return it == pre_auth_codes_.end() ? nullptr : &it->second;
}

Install& InstallBook::PutInstall(const std::string& suite_id, const std::string& corpid,
                                 int64_t now) {
  Install& install = installs_[{suite_id, corpid}];
  if (!install.is_standing) {
    // After a cancellation the earlier permanent code is dead for ever.
    install = {.suite_id = suite_id, .corpid = corpid};
    install.agentid = next_agentid_++;
    install.permanent_code = NewPermanentCode();
    install.auth_time = now;
    install.is_standing = true;
  }
  return install;
}

Install* InstallBook::Find(const std::string& suite_id, const std::string& corpid) {
  const auto it = installs_.find({suite_id, corpid});
  return it == installs_.end() ? nullptr : &it->second;
}

std::string InstallBook::MakeAuthCode(const Install& install, const std::string& state,
                                      int64_t now) {
  const std::string code = RandomText(128);
  auth_codes_[code] = {install.suite_id, install.corpid, state, now + kAuthCodeLifetime};
  return code;
}

AuthCode* InstallBook::FindAuthCode(const std::string& code) {
  const auto it = auth_codes_.find(code);
  return it == auth_codes_.end() ? nullptr : &it->second;
}

std::string InstallBook::NewPermanentCode() { return RandomText(43); }

}  // namespace datong::wechat_sim::wecom
