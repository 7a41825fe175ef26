#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "tools/wechat_sim/wecom/frequency_book.h"
#include "tools/wechat_sim/wecom/id_book.h"
#include "tools/wechat_sim/wecom/install_book.h"
#include "tools/wechat_sim/wecom/model.h"
#include "tools/wechat_sim/wecom/pending_book.h"

namespace datong::wechat_sim::wecom {

struct Group {
  GroupSpec spec = {};
  int64_t version = 1;  // member_version follows from it
};

// Somebody who entered the customer service.
struct KfVisit {
  int64_t at = 0;
  std::string scene = {};
  std::string scene_param = {};
};

struct Corp {
  CorpSpec spec = {};
  std::map<int64_t, AgentSpec> agents = {};
  std::map<std::string, MemberSpec> members = {};
  std::map<std::string, ContactSpec> contacts = {};  // by person
  std::map<std::string, Group> groups = {};          // by chat
  std::map<std::string, KfVisit> kf_visits = {};     // by person
};

struct Suite {
  SuiteSpec spec = {};
  int64_t next_ticket_ms = 0;
  bool has_new_chats = false;  // later installations see the provider's chat_ids
};

// A code of a web or mini-program login inside WeCom.
struct LoginCode {
  bool is_web = true;
  std::string audience = {};  // corpid or suite_id
  std::string corpid = {};    // of the member who logs in
  std::string userid = {};
  std::string person = {};  // instead of a member
  bool is_private = false;  // scope snsapi_privateinfo
  std::string domain = {};  // of the redirect_uri
  int64_t expires = 0;
  bool is_used = false;
};

struct UserTicket {
  std::string audience = {};
  std::string corpid = {};
  std::string userid = {};
  int64_t expires = 0;
};

// An id of somebody in a meeting or form: a person of the world, or a member of another corp.
struct TemporaryId {
  std::string corpid = {};  // in whose meeting or form
  int64_t business_type = 1;
  int64_t user_type = 1;
  std::string person = {};
  std::string other_corpid = {};
  std::string userid = {};
};

// The WeCom half of the world. Not thread-safe: guarded by the simulator's mutex.
struct Estate {
  std::map<std::string, Corp> corps = {};  // by corpid in lower case
  std::map<std::string, ProviderSpec> providers = {};
  std::map<std::string, Suite> suites = {};
  InstallBook installs;
  IdBook ids;
  PendingBook pending;
  FrequencyBook frequency;
  WecomSettings settings;
  std::map<std::string, LoginCode> login_codes = {};
  std::map<std::string, UserTicket> user_tickets = {};
  std::map<std::string, TemporaryId> temporary_ids = {};
  // Corpid and userid by the encrypted userid and session_key of a mini-program login.
  std::map<std::pair<std::string, std::string>, std::pair<std::string, std::string>>
      foreign_sessions = {};

  // Plaintext corpids are the same in any case.
  Corp* FindCorp(const std::string& corpid);
  Suite* FindSuite(const std::string& suite_id);

  // Makes every view's external_userid of a person known, so that calls can be asked with them.
  void Remember(const Corp& corp, const std::string& person);
  void PutContact(Corp& corp, ContactSpec contact, int64_t now);
  void PutGroup(Corp& corp, GroupSpec group, int64_t now);
  // The corp installs the suite (with what the administrator chose).
  Install& PutInstall(const Suite& suite, const Corp& corp, std::vector<std::string> scope,
                      int64_t now);

  // How an installation sees things.
  std::string SeenCorpid(const Install& install) const;
  std::string SeenUserid(const Install& install, const std::string& userid) const;
  View ExternalView(const Install& install) const;
  View ChatView(const Install& install, int64_t now) const;
  const std::string& ProviderOf(const Install& install) const;
};

std::string MemberVersion(const Group& group);
bool IsWechatUser(const Corp& corp, const std::string& person);
bool Holds(const std::vector<std::string>& scope, const std::string& userid);  // empty: all
// The relation is one that calls know of: an event may be ahead of them by `delay`.
bool IsVisible(const FollowSpec& follow, int64_t now, int64_t delay);

}  // namespace datong::wechat_sim::wecom
