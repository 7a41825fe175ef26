#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace datong::wechat_sim::wecom {

struct PreAuthCode {
  std::string suite_id = {};
  int64_t expires = 0;
  bool has_session = false;  // set_session_info was called
  bool is_used = false;
};

struct AuthCode {
  std::string suite_id = {};
  std::string corpid = {};
  std::string state = {};
  int64_t expires = 0;
  bool is_used = false;
};

// One corp's installation of one suite.
struct Install {
  std::string suite_id = {};
  std::string corpid = {};
  int64_t agentid = 0;
  std::string permanent_code = {};
  std::vector<std::string> scope = {};  // userids; empty: all
  std::string admin_userid = {};
  bool by_admin = true;  // auth_mode
  int64_t auth_time = 0;
  bool is_standing = false;
  bool is_disabled = false;
  // Whether ids are the provider's: userid and corpid; external_userid; from when on chat_ids.
  bool has_new_ids = true;
  bool has_new_external = true;
  int64_t new_chats_from = 0;  // 0: never
  std::string mass_call_ticket = {};
  int64_t mass_call_until = 0;
};

// Tickets, codes and installations of all suites. Not thread-safe.
class InstallBook {
 public:
  // Lives 30 minutes; those that ended are forgotten after a while.
  std::string MakeTicket(const std::string& suite_id, int64_t now);
  bool IsTicketGood(const std::string& suite_id, const std::string& ticket, int64_t now) const;

  std::string MakePreAuthCode(const std::string& suite_id, int64_t now);
  PreAuthCode* FindPreAuthCode(const std::string& code);

  // The corp installs the suite, or once more: a standing installation keeps its permanent code.
  Install& PutInstall(const std::string& suite_id, const std::string& corpid, int64_t now);
  Install* Find(const std::string& suite_id, const std::string& corpid);
  std::string MakeAuthCode(const Install& install, const std::string& state, int64_t now);
  AuthCode* FindAuthCode(const std::string& code);
  static std::string NewPermanentCode();

  std::map<std::pair<std::string, std::string>, Install>& installs() { return installs_; }

 private:
  std::map<std::string, std::deque<std::pair<std::string, int64_t>>> tickets_;  // with creation
  std::map<std::string, PreAuthCode> pre_auth_codes_;
  std::map<std::string, AuthCode> auth_codes_;
  std::map<std::pair<std::string, std::string>, Install> installs_;  // by suite and corp
  int64_t next_agentid_ = 1000100;
};

}  // namespace datong::wechat_sim::wecom
