#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tools/wechat_sim/model.h"

// What the simulator is told of WeCom: plain values, as the admin API's JSON has them
// (json_model.h). Times are unix seconds of its own clock. Ids are those of the corp itself; how a
// provider sees them follows from them (id_book.h).
namespace datong::wechat_sim::wecom {

struct MemberSpec {
  std::string userid = {};
  std::string name = {};
  std::string gender = "1";
  std::string avatar = "http://shp.qpic.cn/bizmp/member/0";
  std::string mobile = {};
  std::string email = {};
  std::string biz_mail = {};
  std::string address = {};
  bool follows_customers = true;  // has the customer-contact function
};

struct Tag {
  std::string group_name = {};
  std::string tag_name = {};
  std::string tag_id = {};
  int64_t type = 1;  // 1 of the corp, 2 personal (no tag_id), 3 of a rule group
};

// One member's relation to one contact.
struct FollowSpec {
  std::string userid = {};
  std::string remark = {};
  std::string description = {};
  int64_t createtime = 0;  // 0: when it was told
  std::vector<Tag> tags = {};
  std::string remark_corp_name = {};
  std::vector<std::string> remark_mobiles = {};
  int64_t add_way = 1;
  bool by_customer = false;  // oper_userid is the contact
  std::string state = {};
  int64_t visible_from = 0;  // calls know of it from here on
  int64_t until = 0;         // 0: still
};

// A contact is a person of the simulated world: one whom users of its apps (UserSpec::person, or
// their unionid when they have no person) have the same name for is the same WeChat user.
struct ContactSpec {
  std::string person = {};
  std::string unionid = {};  // of the corp's developer binding, when no user of its apps is known
  int64_t type = 1;          // 1 of WeChat, 2 of another WeCom corp
  std::string name = {};
  std::string avatar = "http://wx.qlogo.cn/mmhead/contact/0";
  int64_t gender = 0;
  std::string position = {};  // type 2 only, as the next two
  std::string corp_name = {};
  std::string corp_full_name = {};
  std::vector<FollowSpec> follows = {};
};

struct GroupMemberSpec {
  std::string userid = {};  // staff, or
  std::string person = {};  // an external person, contact or not
  std::string name = {};
  std::string group_nickname = {};
  std::string unionid = {};  // as of ContactSpec
  int64_t join_time = 0;
  int64_t join_scene = 1;
  std::string invitor = {};
  std::string state = {};
};

struct GroupSpec {
  std::string chat = {};  // any name; its chat_id follows from it
  std::string opengid = {};
  std::string name = {};
  std::string owner = {};
  std::string notice = {};
  int64_t create_time = 0;
  std::vector<GroupMemberSpec> members = {};
  std::vector<std::string> admins = {};
  bool is_dismissed = false;
};

// A self-built app of a corp.
struct AgentSpec {
  int64_t agentid = 0;
  std::string secret = {};
  std::string name = {};
  bool sees_customers = true;                 // among the customer contact's callable apps
  std::vector<std::string> scope = {};        // userids in its visible range; empty: all
  Callback callback = {};                     // always encrypted
  std::string trusted_domain = {};            // of redirect_uri; "" = any
  std::vector<std::string> allowed_ips = {};  // empty: any
};

struct CorpSpec {
  std::string corpid = {};
  std::string name = {};
  std::string entity = "深圳示例科技有限公司";  // the legal entity
  bool verified = true;
  int64_t subject_type = 1;
  std::string developer_appid = {};          // the app of this world bound to customer contact
  std::string kf_developer_appid = {};       // … and to the customer service
  std::string payment_appid = {};            // convert_to_openid gives openids of it
  std::vector<std::string> downstream = {};  // corpids that share its apps
};

struct ProviderSpec {
  std::string corpid = {};
  std::string secret = {};
  std::string name = {};
  std::string entity = "深圳示例服务商有限公司";
  bool verified = true;
};

struct SuiteSpec {
  std::string suite_id = {};  // "dk…" is a template of agency-built apps
  std::string secret = {};
  std::string provider = {};
  std::string name = {};
  Callback callback = {};            // the instruction URL
  std::string data_url = {};         // the data callback, may hold $CORPID$; "" = none
  std::string redirect_domain = {};  // of the install page's redirect_uri and Referer; "" = any
  std::string trusted_domain = {};   // of the web login's redirect_uri; "" = any
  bool is_published = true;          // else set_session_info with auth_type 1 must come first
  bool sees_customers = true;        // has the permission 客户基础信息
  std::vector<std::string> allowed_ips = {};
  int64_t ticket_interval_s = 600;  // 0: no tickets by themselves

  bool is_agency() const { return suite_id.rfind("dk", 0) == 0; }
};

struct WecomSettings {
  bool omit_errcode = false;            // of successful token calls, as old answers do
  bool push_page_installs = false;      // create_auth with the redirect's code
  int64_t visible_after_s = 0;          // how late calls learn of what an event told
  std::string pending_again = "renew";  // renew | replace: a pending_id that is asked for again
  bool empty_pending_rows = false;  // rows without pending_id are answered with "", not left out
  int64_t answer_within_ms = 0;     // pushes to instruction URLs: WeCom's is 1000; 0: as of WeChat
  bool legacy_agency_unionid = true;  // agency-built apps with old ids read unionids
};

}  // namespace datong::wechat_sim::wecom
