#pragma once

#include <cstdint>
#include <string>
#include <vector>

// What the simulator is told: plain values, as the admin API's JSON has them (json_model.h).
// Times are unix seconds of its own clock.
namespace datong::wechat_sim {

struct Callback {
  std::string url = {};
  std::string token = {};
  std::string encoding_aes_key = {};
  std::string mode = "plain";  // plain | compatible | secure; components are always secure
  std::string format = "xml";  // xml | json; components are always xml
};

struct AppSpec {
  std::string appid = {};
  std::string secret = {};
  std::string kind = {};  // official_account | mini_program | web_app | component
  std::string name = {};
  std::string user_name = {};              // gh_…; made from the appid when empty
  std::string open_platform_account = {};  // "" = not bound: no unionids
  std::string principal_name = "深圳示例科技有限公司";
  bool verified = true;
  int service_type = -1;   // -1: 2 (service account), 0 for mini programs
  int account_status = 1;  // 14 deleted, 16 banned, 18 warned, 19 frozen
  int realname_status = 1;
  std::vector<std::string> request_domains = {"https://www.example.com"};  // of mini programs
  Callback callback = {};  // of a component: its event URL

  // Components only.
  std::string message_url = {};    // may hold $APPID$
  std::string web_domain = {};     // "" = any; the host of a web login's redirect_uri
  std::string launch_domain = {};  // "" = any; the page's Referer and redirect_uri must have it
  std::vector<int> permission_sets = {1, 2, 3, 4, 7, 11, 15, 17, 18, 19, 24, 25, 30};
  bool ticket_pushing = false;
  int64_t ticket_interval_s = 600;
  int64_t token_overlap_s = 300;
  bool rotate_refresh_tokens = false;
  int64_t pre_auth_code_s = 1800;

  bool is_component() const { return kind == "component"; }
  bool is_mini_program() const { return kind == "mini_program"; }
};

// From one subscribe to the unsubscribe; until 0 = still following.
struct FollowPeriod {
  int64_t from = 0;
  int64_t until = 0;
  std::string scene = "ADD_SCENE_OTHERS";
  std::string qr_scene = {};

  bool HoldsAt(int64_t now) const { return from <= now && (until == 0 || now < until); }
};

struct UserSpec {
  std::string openid = {};
  std::string unionid = {};
  std::string person = {};  // only for the truth
  std::vector<FollowPeriod> follows = {};
  bool blocked = false;  // login answers 40226
  bool broken = false;   // listed as a follower, but user/info answers 40003
};

struct FaultSpec {
  std::string path = {};  // prefix
  std::string kind = {};  // slow | http | reset | truncate | errcode | empty_list | null_list |
                          // text_numbers | expire
  int64_t count = 1;      // -1: until removed
  std::string appid = {};
  std::string date = {};  // yyyy-MM-dd: only calls whose dates hold it
  std::string method = {};
  int64_t until_ms = 0;  // 0: for ever
  int64_t ms = 0;
  int status = 502;
  int64_t errcode = -1;
  std::string errmsg = {};
};

struct OverrideSpec {
  std::string path = {};  // exact
  std::string appid = {};
  std::string date = {};
  std::string body = {};
  int status = 200;
  int64_t count = -1;
};

struct PushField {
  std::string name = {};
  std::string value = {};
  bool is_number = false;
};

struct Settings {
  double ready_hour = 8.0;                // of the next day in Shanghai
  std::string not_ready = "61503";        // 61503 | empty | null | missing
  std::string authorized_push = "async";  // async | first | none
  int64_t push_jitter_ms = 0;             // each push waits a random part of it: order is lost
};

}  // namespace datong::wechat_sim
