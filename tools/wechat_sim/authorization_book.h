#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace datong::wechat_sim {

struct Ticket {
  std::string value;
  int64_t created = 0;
};

struct PreAuthCode {
  std::string component;
  int64_t expires = 0;
  bool is_used = false;
};

struct AuthCode {
  std::string component;
  std::string appid;
  std::string pre_auth_code;
  int64_t expires = 0;
  bool is_used = false;
};

// One account's authorisation of one component.
struct Grant {
  std::string refresh_token;
  std::string older_refresh_token;  // rotation: valid until the new one is used
  std::vector<int> sets;
  int64_t auth_time = 0;
  bool is_standing = false;
};

// A component's tickets, codes and grants. Not thread-safe.
class AuthorizationBook {
 public:
  // Tickets live 12 hours; those that ended are forgotten after a while.
  std::string MakeTicket(const std::string& component, int64_t now);
  // 0, 61005 (expired) or 61006 (unknown).
  int64_t CheckTicket(const std::string& component, const std::string& ticket, int64_t now) const;

  std::string MakePreAuthCode(const std::string& component, int64_t now, int64_t lifetime);
  PreAuthCode* FindPreAuthCode(const std::string& code);

  // The account agrees: `*event` becomes "authorized", "updateauthorized" or "" (nothing changed).
  std::string Authorize(const std::string& component, const std::string& appid,
                        const std::vector<int>& sets, const std::string& pre_auth_code, int64_t now,
                        std::string* event);
  AuthCode* FindAuthCode(const std::string& code);
  // False when there was no standing authorisation.
  bool Unauthorize(const std::string& component, const std::string& appid);

  Grant* FindGrant(const std::string& component, const std::string& appid);
  std::map<std::pair<std::string, std::string>, Grant>& grants() { return grants_; }

 private:
  std::map<std::string, std::vector<Ticket>> tickets_;
  std::map<std::string, PreAuthCode> pre_auth_codes_;
  std::map<std::string, AuthCode> auth_codes_;
  std::map<std::pair<std::string, std::string>, Grant> grants_;  // by component and appid
};

}  // namespace datong::wechat_sim
