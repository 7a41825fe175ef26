#include "services/broker/core/known_user.h"

#include <utility>

namespace datong::broker {

KnownUser JudgeUser(const App& app, AskedBy asked_by, std::string openid, std::string unionid) {
  KnownUser user;
  user.openid = std::move(openid);
  user.unionid = std::move(unionid);
  const bool is_bound = !app.open_platform_account.empty();
  if (!user.unionid.empty()) {
    user.status = UnionidStatus::kObtained;
    // Identity cannot place a unionid before it knows the account.
    user.next_way = is_bound ? UnionidNextWay::kNone : UnionidNextWay::kNameAccount;
  } else if (asked_by == AskedBy::kStranger) {
    user.status = UnionidStatus::kNotFollower;
    user.next_way = UnionidNextWay::kFollow;
  } else if (!is_bound) {
    user.status = UnionidStatus::kNotBound;
    user.next_way = UnionidNextWay::kBindApp;
  } else if (asked_by == AskedBy::kWebBase) {
    user.status = UnionidStatus::kNeedsUserinfoScope;
    user.next_way = UnionidNextWay::kAskUserinfo;
  } else {
    user.status = UnionidStatus::kNotTold;
    // An account that tells none of a follower or after consent is not bound, whatever is said
    // here.
    user.next_way =
        asked_by == AskedBy::kMiniProgram ? UnionidNextWay::kDecrypt : UnionidNextWay::kBindApp;
  }
  return user;
}

KnownUser SnapshotUser() {
  KnownUser user;
  user.status = UnionidStatus::kSnapshot;
  user.next_way = UnionidNextWay::kFullService;
  return user;
}

const char* NextStepInEnglish(UnionidNextWay next_way) {
  switch (next_way) {
    case UnionidNextWay::kNone:
      return "";
    case UnionidNextWay::kBindApp:
      return "Bind the app to your Open Platform account (open.weixin.qq.com, Management Center), "
             "then "
             "name that account with UpdateApp.";
    case UnionidNextWay::kNameAccount:
      return "WeChat tells unionids of this app, but nobody said here of which Open Platform "
             "account: "
             "name it with UpdateApp, so that persons are joined.";
    case UnionidNextWay::kAskUserinfo:
      return "Log the user in again with snsapi_userinfo, started by a click of the user.";
    case UnionidNextWay::kFullService:
      return "The user is on WeChat's snapshot page: ask to press \"use full service\", then begin "
             "the "
             "login again.";
    case UnionidNextWay::kFollow:
      return "Ask the user to follow the official account, or log the user in with "
             "snsapi_userinfo.";
    case UnionidNextWay::kDecrypt:
      return "Call wx.getUserProfile and give its encryptedData to DecryptUserData; or, within 5 "
             "minutes "
             "after a payment, call GetPaidUnionid.";
  }
  return "";
}

const char* NextStepInChinese(UnionidNextWay next_way) {
  switch (next_way) {
    case UnionidNextWay::kNone:
      return "";
    case UnionidNextWay::kBindApp:
      return "请在微信开放平台（open.weixin.qq.com）“管理中心”把该应用绑定到开放平台账号，再用 "
             "UpdateApp "
             "填写该账号。";
    case UnionidNextWay::kNameAccount:
      return "微信已返回该应用的 unionid，但尚未登记其所属的开放平台账号：请用 UpdateApp 填写，"
             "才能合并用户。";
    case UnionidNextWay::kAskUserinfo:
      return "请在用户点击后，用 snsapi_userinfo 重新发起网页授权。";
    case UnionidNextWay::kFullService:
      return "用户处于微信快照页：请引导其点击“使用完整服务”，然后重新授权。";
    case UnionidNextWay::kFollow:
      return "请引导用户关注公众号，或用 snsapi_userinfo 发起网页授权。";
    case UnionidNextWay::kDecrypt:
      return "请调用 wx.getUserProfile，把 encryptedData 交给 DecryptUserData；或在支付后 5 "
             "分钟内调用 "
             "GetPaidUnionid。";
  }
  return "";
}

}  // namespace datong::broker
