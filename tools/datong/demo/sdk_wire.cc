#include "tools/datong/demo/sdk_wire.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace datong::demo {
namespace {

const char* EventType(Action action) {
  switch (action) {
    case Action::kVisit:
      return "VISIT";
    case Action::kPage:
      return "PAGE";
    case Action::kClick:
      return "VIEW_CLICK";
    case Action::kAttributes:
      return "LOGIN_USER_ATTRIBUTES";
    case Action::kClose:
      return "APP_CLOSED";
    case Action::kOrderSubmit:
    case Action::kOrderPaid:
    case Action::kFollow:
      return "CUSTOM";
  }
  return "";
}

constexpr const char* kPages[] = {"pages/index/index", "pages/list/list", "pages/item/item",
                                  "pages/cart/cart", "pages/mine/mine"};

struct Wire {
  const char* data_source;
  const char* domain;
  const char* platform;
  const std::string* openid;
};

Wire WireOf(const Visit& visit, const Person& person) {
  if (visit.surface == Surface::kClub) {
    return {kClubDataSource, kClubAppid, "MinP", &person.club_openid};
  }
  if (visit.surface == Surface::kH5) {
    return {kH5DataSource, kH5Scope, "web", &person.account_openid};
  }
  return {kShopDataSource, kShopAppid, "MinP", &person.shop_openid};
}

}  // namespace

std::vector<std::string> SdkBodies(const Visit& visit, const Person& person) {
  const Wire wire = WireOf(visit, person);
  const int64_t start = absl::ToUnixMillis(visit.start);
  std::vector<std::string> bodies;
  std::string batch;
  int sequence = 0;
  for (const Happening& happening : visit.happenings) {
    ++sequence;
    std::string event = absl::StrCat(
        R"({"eventType":")", EventType(happening.action), R"(","dataSourceId":")", wire.data_source,
        R"(","deviceId":")", visit.device, R"(","domain":")", wire.domain, R"(","platform":")",
        wire.platform, R"(","sessionId":")", visit.session,
        R"(","sdkVersion":"4.6.0","language":"zh_CN","networkState":"wifi","timezoneOffset":-480,"path":")",
        kPages[static_cast<size_t>(sequence) % std::size(kPages)],
        R"(","title":"大同商城","timestamp":)", start + happening.offset_ms);
    if (happening.action == Action::kOrderSubmit) {
      absl::StrAppend(&event, R"(,"eventName":"order_submit","attributes":{"amount":"199.00"})");
    }
    if (happening.action == Action::kAttributes) {
      absl::StrAppend(&event, R"(,"attributes":{"$wechat_openId":")", *wire.openid, R"("})");
    } else {
      absl::StrAppend(&event, R"(,"eventSequenceId":)", sequence);
    }
    event.push_back('}');
    const bool one_each = visit.surface == Surface::kH5 || visit.embedded;
    if (one_each) {
      bodies.push_back(absl::StrCat("[", event, "]"));
    } else {
      absl::StrAppend(&batch, batch.empty() ? "[" : ",", event);
    }
  }
  if (!batch.empty()) bodies.push_back(batch + "]");
  return bodies;
}

std::string ClaimBody(const CaseStep& step, absl::Time at) {
  const std::vector<std::string> device = absl::StrSplit(step.ids[0], ':');
  const std::vector<std::string> openid = absl::StrSplit(step.ids[1], ':');
  return absl::StrCat(R"([{"eventType":"LOGIN_USER_ATTRIBUTES","dataSourceId":")", kShopDataSource,
                      R"(","deviceId":")", device[2], R"(","domain":")", kShopAppid,
                      R"(","platform":"MinP","timestamp":)", absl::ToUnixMillis(at),
                      R"(,"attributes":{"$wechat_openId":")", openid[2], R"("}}])");
}

}  // namespace datong::demo
