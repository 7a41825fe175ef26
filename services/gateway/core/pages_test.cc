#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "common/status/error.h"
#include "services/gateway/core/authorize_pages.h"
#include "services/gateway/core/html.h"
#include "services/gateway/core/qr_code.h"

namespace datong::gateway {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kHostile[] = "\"><script>alert('x')</script>";

LaunchLink SomeLink() {
  LaunchLink link;
  link.id = "lnk-1";
  link.url = "https://datong.example/authorize/lnk-1";
  link.component_name = "大通平台";
  link.expire_time = absl::FromUnixSeconds(1'767'225'600);
  return link;
}

absl::Status Failure(absl::string_view reason,
                     absl::StatusCode code = absl::StatusCode::kFailedPrecondition) {
  return MakeError(code, "internal words", {"broker.datong", std::string(reason), {}});
}

TEST(HtmlTest, EscapesWhatMarkupIsMadeOf) {
  EXPECT_EQ(EscapeHtml("<a href=\"x\">&'大"), "&lt;a href=&quot;x&quot;&gt;&amp;&#39;大");
}

TEST(QrCodeTest, IsASquareOfRuns) {
  const std::string svg = QrCodeSvg("https://datong.example/authorize/lnk-1", 200);
  EXPECT_THAT(svg, HasSubstr("<svg "));
  EXPECT_THAT(svg, HasSubstr("width=\"200\""));
  EXPECT_THAT(svg, HasSubstr("M4 4h7v1h-7z"));  // the edge of the first finder pattern
  EXPECT_EQ(QrCodeSvg(std::string(5000, 'x'), 200), "");
}

TEST(VisitorTest, TellsWhereThePageIsOpen) {
  EXPECT_EQ(VisitorOf("Mozilla/5.0 (Windows NT 10.0) Chrome/130"), Visitor::kComputer);
  EXPECT_EQ(VisitorOf("Mozilla/5.0 (Windows NT 10.0) MicroMessenger/7 WindowsWechat"),
            Visitor::kComputer);
  EXPECT_EQ(VisitorOf("Mozilla/5.0 (iPhone) Mobile/15E148 MicroMessenger/8.0"),
            Visitor::kPhoneInWechat);
  EXPECT_EQ(VisitorOf("Mozilla/5.0 (Linux; Android 14) Chrome/130 Mobile"),
            Visitor::kPhoneElsewhere);
}

TEST(LaunchPageTest, HasAFormThatPostsBackAndAQrCode) {
  const Page page = LaunchPage(SomeLink(), "/authorize", Visitor::kComputer);
  EXPECT_EQ(page.status, 200);
  EXPECT_THAT(page.html, HasSubstr("<form method=\"post\" action=\"/authorize/lnk-1\">"));
  EXPECT_THAT(page.html, HasSubstr("name=\"device\" value=\"pc\""));
  EXPECT_THAT(page.html, HasSubstr("授权给「大通平台」"));
  EXPECT_THAT(page.html, HasSubstr("2026-01-01 08:00（北京时间）"));
  EXPECT_THAT(page.html, HasSubstr("<svg "));
  EXPECT_LT(page.html.find("前往微信授权"), page.html.find("The next page is WeChat"));
}

TEST(LaunchPageTest, InWechatOnAPhoneTheFormAsksForThePhonesPage) {
  const Page page = LaunchPage(SomeLink(), "/authorize", Visitor::kPhoneInWechat);
  EXPECT_THAT(page.html, HasSubstr("name=\"device\" value=\"mobile\""));
  EXPECT_THAT(page.html, Not(HasSubstr("<svg ")));
  EXPECT_THAT(LaunchPage(SomeLink(), "/authorize", Visitor::kPhoneElsewhere).html,
              HasSubstr("请在微信中打开本页"));
}

TEST(LaunchPageTest, SaysThatTheLinkWasUsedOrIsOver) {
  LaunchLink used = SomeLink();
  used.connected_appid = "wx0123456789abcdef";
  EXPECT_THAT(LaunchPage(used, "/authorize", Visitor::kComputer).html,
              HasSubstr("wx0123456789abcdef"));
  LaunchLink over = SomeLink();
  over.is_expired = true;
  const Page page = LaunchPage(over, "/authorize", Visitor::kComputer);
  EXPECT_EQ(page.status, 410);
  EXPECT_THAT(page.html, Not(HasSubstr("<form")));
}

TEST(PagesTest, EscapeWhateverComesFromOutside) {
  LaunchLink link = SomeLink();
  link.id = link.component_name = link.biz_appid = link.connected_appid = kHostile;
  const std::string pages =
      absl::StrCat(LaunchPage(link, "/authorize", Visitor::kComputer).html,
                   ConnectedPage({kHostile, kHostile, kHostile, 3}).html,
                   RefusedPage("/authorize", kHostile).html,
                   FailurePage(absl::InternalError("x"), "/authorize", kHostile, kHostile).html);
  EXPECT_THAT(pages, Not(HasSubstr("<script")));
  EXPECT_THAT(pages, Not(HasSubstr("alert('x')")));
}

TEST(ConnectedPageTest, NamesTheAccount) {
  const Page page = ConnectedPage({"wx1", "示例公众号", "示例公司", 12});
  EXPECT_EQ(page.status, 200);
  EXPECT_THAT(page.html, HasSubstr("授权成功"));
  EXPECT_THAT(page.html, HasSubstr("示例公众号"));
  EXPECT_THAT(page.html, HasSubstr("<dd>12</dd>"));
}

struct FailureCase {
  const char* reason;
  int status;
  const char* words;
  friend std::ostream& operator<<(std::ostream& out, const FailureCase& c) {
    return out << c.reason;
  }
};

class FailurePageTest : public ::testing::TestWithParam<FailureCase> {};

TEST_P(FailurePageTest, SaysWhatToDoAndHidesTheCause) {
  const Page page = FailurePage(Failure(GetParam().reason), "/authorize", "lnk-1", "req-1");
  EXPECT_EQ(page.status, GetParam().status);
  EXPECT_THAT(page.html, HasSubstr(GetParam().words));
  EXPECT_THAT(page.html, Not(HasSubstr("internal words")));
}

INSTANTIATE_TEST_SUITE_P(
    Reasons, FailurePageTest,
    ::testing::Values(FailureCase{"LINK_UNKNOWN", 404, "no such authorisation link"},
                      FailureCase{"LINK_EXPIRED", 410, "链接已过期"},
                      FailureCase{"TICKET_MISSING", 503, "微信还没有推送 ticket"},
                      FailureCase{"AUTHORIZATION_CODE_EXPIRED", 410, "授权码已过期"},
                      FailureCase{"AUTHORIZATION_CODE_INVALID", 400, "已被使用"},
                      FailureCase{"APP_EXISTS", 409, "其他项目"},
                      FailureCase{"PLATFORM_UNREACHABLE", 503, "WeChat cannot be reached"},
                      FailureCase{"SOMETHING_NEW", 500, "req-1"}));

}  // namespace
}  // namespace datong::gateway
