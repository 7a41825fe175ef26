#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/http/server.h"
#include "tools/wechat_sim/world.h"

namespace datong::wechat_sim {

using nlohmann::json;

// One call of an interface, its token already checked. Lives under the simulator's mutex.
struct ApiCall {
  World& world;
  absl::Time now;
  std::string method = {};
  std::string path = {};
  std::string query = {};  // raw
  json body = json::object();
  std::string peer = {};      // address of the caller
  Token* token = nullptr;     // of the endpoints that want one
  App* app = nullptr;         // whose token it is; of a component token: the component
  bool by_component = false;  // an authorizer token

  int64_t now_s() const { return absl::ToUnixSeconds(now); }
  // A parameter of the query, or of the JSON body.
  std::string Query(absl::string_view name) const;
  std::string Body(absl::string_view name) const;
  // The body's value, else the query's.
  std::string Either(absl::string_view name) const;
};

enum class Auth { kNone, kComponent, kAccount };

struct Endpoint {
  std::string method = {};  // "" = GET and POST
  Auth auth = Auth::kNone;
  // Permission sets of which an authorizer needs one; empty: none needed.
  std::vector<int> official_sets = {};
  std::vector<int> mini_sets = {};
  bool official_only = false;  // and verified: else 48001
  bool needs_body = false;     // 44002 and 47001 without one
  // In place of the checks above: what is wrong with the call, if anything; `*appid` as below.
  std::function<std::optional<json>(ApiCall&, const std::string& raw_body, std::string* appid)>
      check = {};
  std::function<json(ApiCall&)> handle = {};
};

using ApiTable = std::map<std::string, Endpoint>;  // by path

// {"errcode":…,"errmsg":"… rid: …"}: the documents' words unless others are given.
json ApiError(int64_t errcode, absl::string_view errmsg = "");
json ApiOk();  // errcode 0, "ok"

// Checks the token, its kind, the permission set, account, quota, method and body in the order of
// the documents, then asks the endpoint. `*appid` becomes whose call it was, as far as known.
json RunEndpoint(const Endpoint& endpoint, ApiCall& call, const std::string& raw_body,
                 std::string* appid);
// The appid that a call is about, before any check; for faults and counts.
std::string AppidOfCall(World& world, const std::string& query, const json& body);

void AddTokenApi(ApiTable& table);
void AddComponentApi(ApiTable& table);
void AddLoginApi(ApiTable& table);
void AddWebLoginApi(ApiTable& table);
void AddSessionApi(ApiTable& table);
void AddFollowerApi(ApiTable& table);
void AddStatisticsApi(ApiTable& table);
void AddAccountApi(ApiTable& table);
void AddOpenApi(ApiTable& table);

}  // namespace datong::wechat_sim
