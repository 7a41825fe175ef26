#pragma once

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "common/http/client.h"
#include "common/http/testing/fake_http_server.h"
#include "common/testing/matchers.h"
#include "common/time/shanghai.h"
#include "common/wechat/message.h"
#include "common/wechat/push_crypto.h"
#include "tools/wechat_sim/simulator.h"

namespace datong::wechat_sim {

using nlohmann::json;

inline http::ClientOptions LocalOptions() {
  http::ClientOptions options;
  options.allow_private = true;
  return options;
}

// A small estate: component wxc, official account wxo, mini program wxm, the last two bound to one
// Open Platform account. It is 10:00 of 2026-03-02 in Shanghai. Callbacks go to `receiver_`.
class SimulatorFixture : public ::testing::Test {
 protected:
  SimulatorFixture() {
    receiver_.AnswerWith([](const http::ServerRequest&) {
      http::ServerResponse response;
      response.body = "success";
      return response;
    });
  }
  void SetUp() override {
    ASSERT_OK(sim_.Start());
    AppSpec component;
    component.appid = "wxc";
    component.secret = "cs";
    component.kind = "component";
    component.callback = {receiver_.url() + "/events", "tok", kAesKey};
    component.message_url = receiver_.url() + "/$APPID$/messages";
    sim_.AddApp(component);
    AppSpec official;
    official.appid = "wxo";
    official.secret = "os";
    official.kind = "official_account";
    official.open_platform_account = "open1";
    official.callback = {receiver_.url() + "/own", "otok", kAesKey};
    sim_.AddApp(official);
    AppSpec mini;
    mini.appid = "wxm";
    mini.secret = "ms";
    mini.kind = "mini_program";
    mini.open_platform_account = "open1";
    sim_.AddApp(mini);
  }

  http::ClientResponse Send(const std::string& method, const std::string& url,
                            const std::string& body = "", const std::string& referer = "") {
    http::ClientRequest request;
    request.method = method;
    request.url = absl::StartsWith(url, "http") ? url : sim_.url() + url;
    request.body = body;
    if (!referer.empty()) request.headers.Add("Referer", referer);
    const auto response = client_.Send(request, Deadline::After(absl::Seconds(10)));
    EXPECT_OK(response);
    return response.ok() ? *response : http::ClientResponse();
  }
  json Get(const std::string& target) {
    return json::parse(Send("GET", target).body, nullptr, false);
  }
  json Post(const std::string& target, const json& body) {
    return json::parse(Send("POST", target, body.dump()).body, nullptr, false);
  }
  json Admin(const std::string& path, const json& body, const std::string& method = "POST") {
    const auto answer = sim_.Admin(method, path, body);
    EXPECT_OK(answer) << path;
    return answer.ok() ? *answer : json();
  }

  std::string ClassicToken(const std::string& appid, const std::string& secret) {
    return Get("/cgi-bin/token?grant_type=client_credential&appid=" + appid + "&secret=" + secret)
        .value("access_token", "");
  }
  json Stable(bool force = false) {
    return Post("/cgi-bin/stable_token", {{"grant_type", "client_credential"},
                                          {"appid", "wxo"},
                                          {"secret", "os"},
                                          {"force_refresh", force}});
  }
  int64_t ErrorOf(const json& answer) { return answer.value("errcode", int64_t{0}); }

  // The pushes that came to a path of the receiver, decrypted.
  std::vector<wechat::Message> Pushes(const std::string& path, const std::string& receive_id,
                                      const std::string& token = "tok") {
    EXPECT_TRUE(sim_.WaitForPushes(absl::Seconds(10)));
    std::vector<wechat::Message> messages;
    const auto crypto = wechat::PushCrypto::Create(Secret(token), Secret(kAesKey), receive_id);
    for (const http::ServerRequest& request : receiver_.requests(path)) {
      const wechat::PushQuery query = wechat::ParsePushQuery(request.query);
      std::string plain = request.body;
      if (query.is_encrypted()) {
        const auto encrypt = wechat::ExtractEncrypt(request.body);
        EXPECT_OK(encrypt);
        const auto decrypted = crypto->Decrypt(query, *encrypt);
        EXPECT_OK(decrypted);
        plain = *decrypted;
      } else {
        EXPECT_OK(crypto->CheckSignature(query));
      }
      const auto message = wechat::ParseMessage(plain);
      EXPECT_OK(message);
      if (message.ok()) messages.push_back(*message);
    }
    return messages;
  }
  // Waits for the ticker's thread: the newest ticket.
  std::string Ticket(size_t at_least = 1) {
    for (int i = 0; i < 500; ++i) {
      const auto pushes = Pushes("/events", "wxc");
      std::vector<std::string> tickets;
      for (const wechat::Message& push : pushes) {
        if (push.Has("ComponentVerifyTicket")) {
          tickets.emplace_back(push.Text("ComponentVerifyTicket"));
        }
      }
      if (tickets.size() >= at_least) return tickets.back();
      absl::SleepFor(absl::Milliseconds(5));
    }
    ADD_FAILURE() << "no ticket came";
    return "";
  }
  json ComponentTokenAnswer(const std::string& ticket) {
    return Post("/cgi-bin/component/api_component_token", {{"component_appid", "wxc"},
                                                           {"component_appsecret", "cs"},
                                                           {"component_verify_ticket", ticket}});
  }
  std::string ComponentToken() {
    Admin("/admin/tickets/push", {{"component_appid", "wxc"}});
    return ComponentTokenAnswer(Ticket()).value("component_access_token", "");
  }
  json Component(const std::string& name, const std::string& token, json body) {
    body["component_appid"] = "wxc";
    return Post("/cgi-bin/component/" + name + "?component_access_token=" + token, body);
  }

  static constexpr char kAesKey[] = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG";
  http::FakeHttpServer receiver_;
  Simulator sim_{
      SimulatorOptions{.start_time = ShanghaiMidnight(absl::CivilDay(2026, 3, 2)) + absl::Hours(10),
                       .push_retry_delay = absl::Milliseconds(1)}};
  http::Client client_{LocalOptions()};
};

}  // namespace datong::wechat_sim
