#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace datong::wechat_sim {

// A single-use code of a web login, as the page gave it to the browser.
struct WebCode {
  std::string appid;
  std::string component;  // the page was opened in its name
  std::string openid;
  std::string scope;
  bool is_snapshot = false;
  int64_t expires = 0;
  bool is_used = false;
};

// What a web login gives: a token of the user, or the refresh token that makes new ones.
struct UserGrant {
  std::string appid;
  std::string component;
  std::string openid;
  std::string scope;
  bool is_snapshot = false;
  int64_t expires = 0;
};

struct PhoneCode {
  std::string appid;
  std::string openid;
  std::string country;
  std::string number;
  int64_t expires = 0;
  bool is_used = false;
};

struct PaidOrder {
  std::string appid;
  std::string openid;
  std::string transaction_id;
  std::string mch_id;
  std::string out_trade_no;
  int64_t paid = 0;
};

// An account that moved to another appid, with the openids of its followers before and after.
struct AccountMove {
  std::string old_appid;
  std::string old_user_name;
  std::string new_appid;
  std::map<std::string, std::string> openids;
  int64_t approved = 0;
};

// What logins leave behind. Not thread-safe: guarded by the simulator's mutex.
struct LoginBook {
  // By appid and openid: the newest session key, in base64.
  std::map<std::pair<std::string, std::string>, std::string> session_keys = {};
  std::map<std::string, WebCode> web_codes = {};
  std::map<std::string, UserGrant> user_tokens = {};
  std::map<std::string, UserGrant> refresh_tokens = {};
  std::map<std::string, PhoneCode> phone_codes = {};
  std::vector<PaidOrder> orders = {};
  std::vector<AccountMove> moves = {};
};

}  // namespace datong::wechat_sim
