#include "services/broker/core/function_table.h"

namespace datong::broker {

// Ids and names as in WeChat's list of permission sets. 20 and 21 are what 18 was before.
const std::vector<SuiteFunction>& FunctionsOf(AppKind kind) {
  static const auto& official = *new std::vector<SuiteFunction>{
      {{"接收消息与关注事件", "messages and follow events"},
       {1},
       {"消息管理", "message management"}},
      {{"用户资料与 unionid", "users and their unionids"}, {2}, {"用户管理", "user management"}},
      {{"账号信息与带参二维码", "account information and QR codes"},
       {3},
       {"账号服务", "account service"}},
      {{"网页授权登录与 JS-SDK", "web login and JS-SDK"}, {4}, {"网页服务", "web service"}},
      {{"群发与消息统计", "message statistics"}, {7}, {"群发与通知", "broadcast and notification"}},
      {{"图文统计", "article statistics"}, {11, 7}, {"素材管理", "material management"}},
  };
  static const auto& mini = *new std::vector<SuiteFunction>{
      {{"小程序登录", "mini-program login"},
       {18, 20},
       {"小程序开发与数据分析", "development and data analysis"}},
      {{"数据分析", "data analysis"},
       {18, 21},
       {"小程序开发与数据分析", "development and data analysis"}},
      {{"客服消息", "customer-service messages"}, {19}, {"小程序客服管理", "customer service"}},
      {{"基本信息与绑定检查", "basic information and binding checks"},
       {30},
       {"小程序基本信息管理", "basic information"}},
  };
  static const auto& none = *new std::vector<SuiteFunction>;
  if (kind == AppKind::kOfficialAccount) return official;
  return kind == AppKind::kMiniProgram ? mini : none;
}

const std::vector<WatchedQuota>& QuotasOf(AppKind kind) {
  static const auto& official = *new std::vector<WatchedQuota>{
      {{"批量取用户资料", "users by batches"}, "/cgi-bin/user/info/batchget"},
      {{"用户增减统计", "follower statistics"}, "/datacube/getusersummary"},
  };
  static const auto& mini = *new std::vector<WatchedQuota>{
      {{"访问趋势统计", "visit statistics"}, "/datacube/getweanalysisappiddailyvisittrend"},
  };
  static const auto& none = *new std::vector<WatchedQuota>;
  if (kind == AppKind::kOfficialAccount) return official;
  return kind == AppKind::kMiniProgram ? mini : none;
}

}  // namespace datong::broker
