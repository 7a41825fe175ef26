#pragma once

#include <string>
#include <utility>
#include <vector>

#include "common/testing/matchers.h"
#include "tools/wechat_sim/simulator.h"

// A small WeCom for tests, in two lines:
//   AddWecomCorp(sim, {.corpid = "ww1", .members = {"li"}, .contacts = {{"person-1", "li"}}});
//   AddWecomSuite(sim, {.suite_id = "wws", .callback_url = gateway + "/callback"});
// What they leave at its default is what tests may use by name.
namespace datong::wechat_sim {

constexpr char kWecomToken[] = "wecom-token";
constexpr char kWecomAesKey[] = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG";

struct WecomCorp {
  std::string corpid = "ww1";
  std::string secret = "corp-secret";  // of its self-built app
  int64_t agentid = 1000002;
  std::vector<std::string> members = {"zhangsan"};
  // Contacts: a person of the world, and the member who has it.
  std::vector<std::pair<std::string, std::string>> contacts = {};
  std::string developer_appid = {};  // the app whose Open Platform account gives unionids
  std::string callback_url = {};     // of the self-built app
};

struct WecomSuite {
  std::string suite_id = "wws1";  // "dk…": a template of agency-built apps
  std::string secret = "suite-secret";
  std::string provider = "wwprovider";
  std::string provider_secret = "provider-secret";
  std::string callback_url = {};  // the instruction URL
  std::string data_url = {};      // may hold $CORPID$
};

inline nlohmann::json WecomAdmin(Simulator& sim, const std::string& path,
                                 const nlohmann::json& body) {
  const auto answer = sim.Admin("POST", "/admin/wecom/" + path, body);
  EXPECT_OK(answer) << path;
  return answer.ok() ? *answer : nlohmann::json();
}

inline nlohmann::json WecomCallback(const std::string& url) {
  return {{"url", url}, {"token", kWecomToken}, {"encoding_aes_key", kWecomAesKey}};
}

inline void AddWecomCorp(Simulator& sim, const WecomCorp& corp) {
  nlohmann::json members = nlohmann::json::array();
  for (const std::string& userid : corp.members) members.push_back({{"userid", userid}});
  nlohmann::json contacts = nlohmann::json::array();
  for (const auto& [person, userid] : corp.contacts) {
    contacts.push_back({{"person", person}, {"name", person}, {"follows", {{{"userid", userid}}}}});
  }
  WecomAdmin(sim, "corps",
             {{"corpid", corp.corpid},
              {"name", corp.corpid},
              {"developer_appid", corp.developer_appid},
              {"agents",
               {{{"agentid", corp.agentid},
                 {"secret", corp.secret},
                 {"name", "app"},
                 {"callback", WecomCallback(corp.callback_url)}}}},
              {"members", members},
              {"contacts", contacts}});
}

// With its provider. Tickets begin at once.
inline void AddWecomSuite(Simulator& sim, const WecomSuite& suite) {
  WecomAdmin(sim, "providers", {{"corpid", suite.provider}, {"secret", suite.provider_secret}});
  WecomAdmin(sim, "suites",
             {{"suite_id", suite.suite_id},
              {"secret", suite.secret},
              {"provider", suite.provider},
              {"callback", WecomCallback(suite.callback_url)},
              {"data_url", suite.data_url}});
}

// As from the app market: {"auth_code","permanent_code","corpid","agentid"}, and the push
// create_auth.
inline nlohmann::json InstallWecomSuite(Simulator& sim, const std::string& suite_id,
                                        const std::string& corpid) {
  return WecomAdmin(sim, "install", {{"suite_id", suite_id}, {"corpid", corpid}});
}

}  // namespace datong::wechat_sim
