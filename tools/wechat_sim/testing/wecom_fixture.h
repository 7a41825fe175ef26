#pragma once

#include <string>
#include <vector>

#include "tools/wechat_sim/testing/simulator_fixture.h"
#include "tools/wechat_sim/testing/wecom_estate.h"
#include "tools/wechat_sim/wecom/id_book.h"

namespace datong::wechat_sim {

// The small estate of SimulatorFixture, and of WeCom: corp ww1 (members zhangsan and lisi, bound to
// mini program wxm) and suite wws1 of provider wwprovider, which ww1 has not installed yet.
// Callbacks go to `receiver_`: /agent, /suite and /data/{corpid}.
class WecomFixture : public SimulatorFixture {
 protected:
  void SetUp() override {
    SimulatorFixture::SetUp();
    AddWecomCorp(sim_, {.members = {"lisi", "zhangsan"},
                        .developer_appid = "wxm",
                        .callback_url = receiver_.url() + "/agent"});
    AddWecomSuite(sim_, {.callback_url = receiver_.url() + "/suite",
                         .data_url = receiver_.url() + "/data/$CORPID$"});
  }

  json Wecom(const std::string& path, const json& body) { return WecomAdmin(sim_, path, body); }
  std::vector<wechat::Message> AgentPushes() { return Pushes("/agent", "ww1"); }
  std::vector<wechat::Message> SuitePushes() { return Pushes("/suite", "wws1"); }

  // Decrypts as WeCom's receivers do: msg_signature alone.
  std::vector<wechat::Message> Pushes(const std::string& path, const std::string& receive_id) {
    EXPECT_TRUE(sim_.WaitForPushes(absl::Seconds(10)));
    std::vector<wechat::Message> messages;
    const auto crypto =
        wechat::PushCrypto::Create(Secret(kWecomToken), Secret(kWecomAesKey), receive_id);
    for (const http::ServerRequest& request : receiver_.requests(path)) {
      const auto encrypt = wechat::ExtractEncrypt(request.body);
      EXPECT_OK(encrypt);
      const auto plain = crypto->Decrypt(wechat::ParsePushQuery(request.query), *encrypt);
      EXPECT_OK(plain);
      const auto message = wechat::ParseMessage(*plain);
      EXPECT_OK(message);
      if (message.ok()) messages.push_back(*message);
    }
    return messages;
  }
  // The newest push of that InfoType; tickets come from a thread of their own, at any time.
  wechat::Message SuitePush(const std::string& info_type, const std::string& path = "/suite",
                            const std::string& suite_id = "wws1") {
    for (int i = 0; i < 2000; ++i) {
      const auto pushes = Pushes(path, suite_id);
      for (auto push = pushes.rbegin(); push != pushes.rend(); ++push) {
        if (push->Text("InfoType") == info_type) return *push;
      }
      absl::SleepFor(absl::Milliseconds(5));
    }
    ADD_FAILURE() << "no " << info_type << " came";
    return *wechat::ParseMessage("<xml><Nothing/></xml>");
  }

  std::string AppToken() {
    return Get("/cgi-bin/gettoken?corpid=ww1&corpsecret=corp-secret").value("access_token", "");
  }
  std::string ProviderToken() {
    return Post("/cgi-bin/service/get_provider_token",
                {{"corpid", "wwprovider"}, {"provider_secret", "provider-secret"}})
        .value("provider_access_token", "");
  }
  json SuiteTokenAnswer(const std::string& ticket, const std::string& suite_id = "wws1") {
    return Post(
        "/cgi-bin/service/get_suite_token",
        {{"suite_id", suite_id}, {"suite_secret", "suite-secret"}, {"suite_ticket", ticket}});
  }
  std::string SuiteToken() {
    return SuiteTokenAnswer(std::string(SuitePush("suite_ticket").Text("SuiteTicket")))
        .value("suite_access_token", "");
  }
  // As provider wwprovider sees a member of ww1.
  std::string OpenUserid(const std::string& userid) {
    return wecom::OpenUserid("wwprovider", "ww1", userid);
  }
  // With a suite's token.
  json Service(const std::string& name, const std::string& token, const json& body) {
    return Post("/cgi-bin/service/" + name + "?suite_access_token=" + token, body);
  }
  // The access_token of ww1 through wws1, installed now.
  std::string CorpToken() {
    const json install = InstallWecomSuite(sim_, "wws1", "ww1");
    return Service(
               "get_corp_token", SuiteToken(),
               {{"auth_corpid", install["corpid"]}, {"permanent_code", install["permanent_code"]}})
        .value("access_token", "");
  }
};

}  // namespace datong::wechat_sim
