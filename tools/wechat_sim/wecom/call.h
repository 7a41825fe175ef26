#pragma once

#include <string>
#include <vector>

#include "tools/wechat_sim/api.h"
#include "tools/wechat_sim/wecom/estate.h"

namespace datong::wechat_sim::wecom {

// {"errcode":…,"errmsg":"…, hint: […], from ip: …, more info at …"}.
json Error(int64_t errcode, const std::string& peer = "127.0.0.1");

enum class Auth {
  kNone,
  kProvider,  // provider_access_token
  kSuite,     // suite_access_token
  kApp,       // access_token of a self-built app, or of a corp through a suite
};

// Which developers may call.
enum Developers : int { kSelfBuilt = 1, kAgency = 2, kThirdParty = 4, kAnyone = 7, kSuites = 6 };

// One call, with who it comes from, as its token says.
class Call {
 public:
  explicit Call(ApiCall& given) : api(given), estate(given.world.wecom) {}

  // Finds who calls: an errcode when the token is no good or may not do this.
  int64_t Identify(Auth auth);

  ApiCall& api;
  Estate& estate;
  Corp* corp = nullptr;              // kApp
  const AgentSpec* agent = nullptr;  // a self-built app, or
  Install* install = nullptr;        // one of a suite
  Suite* suite = nullptr;            // kSuite too
  const ProviderSpec* provider = nullptr;

  int64_t now() const { return api.now_s(); }
  std::string Body(absl::string_view name) const { return api.Body(name); }
  std::string Query(absl::string_view name) const { return api.Query(name); }
  json Refuse(int64_t errcode) const { return Error(errcode, api.peer); }

  Developers developer() const;
  const std::vector<std::string>& scope() const {
    return agent != nullptr ? agent->scope : install->scope;
  }
  bool sees_customers() const {
    return agent != nullptr ? agent->sees_customers : suite->spec.sees_customers;
  }

  // Ids as the caller sees them, and back: "" for those that are unknown or of another view.
  std::string SeenCorpid() const;
  std::string SeenUserid(const std::string& userid) const;
  std::string SeenExternal(const std::string& person) const;
  std::string SeenChat(const std::string& chat) const;
  std::string UseridOf(const std::string& seen) const;
  std::string PersonOf(const std::string& external_userid) const;
  // Both of an agency-built app's views until its upgrade takes effect.
  Group* GroupOf(const std::string& chat_id) const;

 private:
  int64_t IdentifyApp();
};

// Whether an allow list (empty: any) holds the address.
bool MayCallFrom(const std::vector<std::string>& allowed, const std::string& peer);

struct Endpoint {
  Auth auth = Auth::kNone;
  json (*handle)(Call&) = nullptr;
  int developers = kAnyone;
  bool needs_customers = false;      // else 84074
  const char* empty_list = nullptr;  // stays in errors, empty
  bool is_counted = true;            // against the frequency limits of all calls
};

// The suite's installation by the corp of the body's `auth_corpid`, if the body proves it with its
// `permanent_code`; else an errcode.
int64_t FindInstall(Call& call, const Install** found);

void Get(ApiTable& table, const std::string& path, const Endpoint& endpoint);
void Post(ApiTable& table, const std::string& path, const Endpoint& endpoint);  // a JSON body

void AddTokenApi(ApiTable& table);
void AddInstallApi(ApiTable& table);
void AddContactApi(ApiTable& table);
void AddGroupApi(ApiTable& table);
void AddCustomerConversionApi(ApiTable& table);
void AddProviderConversionApi(ApiTable& table);
void AddLoginApi(ApiTable& table);

}  // namespace datong::wechat_sim::wecom
