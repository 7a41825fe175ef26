#include "services/ingest/core/privacy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "services/ingest/core/collector.h"
#include "services/ingest/core/dialect.h"
#include "services/ingest/core/flags.h"
#include "services/ingest/core/json_text.h"

namespace datong::ingest {
namespace {

std::string Dropped(std::string text, bool bare = false, const PrivacyRules& rules = {}) {
  DropParameters(rules, bare, &text);
  return text;
}

TEST(DropParametersTest, RemovesWhatIsPrivateAndNothingElse) {
  EXPECT_EQ(Dropped("/a?token=1"), "/a");
  EXPECT_EQ(Dropped("/a?token=1&b=2"), "/a?b=2");
  EXPECT_EQ(Dropped("/a?b=2&Code=x&c=3#/p?openid=o&d=4"), "/a?b=2&c=3#/p?d=4");
  EXPECT_EQ(Dropped("/a?b=2&phone=13800000000"), "/a?b=2");
  EXPECT_EQ(Dropped("https://h/?session%5Fkey=x&k"), "https://h/?k");
  EXPECT_EQ(Dropped("/a?mytoken=1&tokens=2"), "/a?mytoken=1&tokens=2");
  EXPECT_EQ(Dropped("code=abc"), "code=abc");  // no address
  EXPECT_EQ(Dropped("code=abc&x=1", true), "x=1");
  EXPECT_EQ(Dropped("?code=abc&x=1", true), "?x=1");
  EXPECT_EQ(Dropped("x=1&ticket=t&token=t&y=2", true), "x=1&y=2");
  EXPECT_EQ(Dropped("", true), "");
}

TEST(DropParametersTest, FollowsTheSourcesLists) {
  const PrivacyRules rules{.dropped_parameters = {"invite"}, .kept_parameters = {"CODE"}};
  EXPECT_EQ(Dropped("/a?code=1&invite=2&token=3&x=4", false, rules), "/a?code=1&x=4");
}

TEST(EditValuesTest, SeesEachValueWithItsKey) {
  std::string json = R"({"a":"x","b":[1,"y",{"c":-2.5e3}],"d":{"e\n":"\"z"},"f":true,"g":null})";
  std::string seen;
  EXPECT_FALSE(EditValues(&json, [&](absl::string_view key, absl::string_view value) {
    absl::StrAppend(&seen, key, "=", value, ";");
    return std::nullopt;
  }));
  EXPECT_EQ(seen, R"(a="x";b=1;b="y";c=-2.5e3;e\n="\"z";)");
  EXPECT_TRUE(EditValues(&json, [&](absl::string_view key, absl::string_view) {
    return key == "b" ? std::optional<std::string>("0") : std::nullopt;
  }));
  EXPECT_EQ(json, R"({"a":"x","b":[0,0,{"c":-2.5e3}],"d":{"e\n":"\"z"},"f":true,"g":null})");
}

class PrivacyTest : public ::testing::Test {
 protected:
  std::string Kept(const std::string& rest) {
    EventRow row;
    row.event_type = type_;
    row.rest = rest;
    privacy_.Apply(source_, &row);
    flags_ = row.flags;
    return row.rest;
  }
  Privacy privacy_{Secret("0123456789abcdef0123456789abcdef")};
  Source source_;
  int16_t type_ = event_type::kPage;
  uint64_t flags_ = 0;
};

TEST_F(PrivacyTest, LeavesWhatHoldsNothingPrivateByteForByte) {
  const std::string event = R"({ "path":"p?a=1", "latitude":39.9, "n":1.23456, "u":"\u003d" })";
  EXPECT_EQ(Kept(event), event);
}

TEST_F(PrivacyTest, CleansEveryTextOfTheEvent) {
  EXPECT_EQ(Kept(R"({"query":"token=1&a=2","referralPage":"https:\/\/h\/?a=1\u0026code\u003dx",)"
                 R"("attributes":{"$share_path":"/p?openid=o","note":"a=b"}})"),
            R"({"query":"a=2","referralPage":"https://h/?a=1",)"
            R"("attributes":{"$share_path":"/p","note":"a=b"}})");
}

TEST_F(PrivacyTest, CutsCoordinatesAndAddresses) {
  const std::string event =
      R"({"latitude":39.90469,"longitude":"-116.407","x":{"lat":3.98765e1},"context":{"ip":"198.51.100.7"}})";
  EXPECT_EQ(
      Kept(event),
      R"({"latitude":39.90,"longitude":"-116.40","x":{"lat":39.87},"context":{"ip":"198.51.100.0"}})");
  source_.privacy.keep_exact_location = true;
  EXPECT_THAT(Kept(event), ::testing::HasSubstr("39.90469"));
}

TEST_F(PrivacyTest, KeepsTypedTextOnlyWhereTheSourceSaysSo) {
  type_ = event_type::kViewChange;
  const std::string event = R"({"xpath":"/a","textValue":"secret"})";
  EXPECT_EQ(Kept(event), R"({"xpath":"/a"})");
  source_.privacy.keep_typed_text = true;
  EXPECT_EQ(Kept(event), event);
}

TEST_F(PrivacyTest, HashesFieldsUnderTheProjectsKey) {
  source_.privacy.hashed_fields = {"phone"};
  source_.tenant_id = 7;
  const std::string hash = privacy_.Hash(7, "13800000000");
  EXPECT_EQ(hash.size(), 32u);
  EXPECT_NE(hash, privacy_.Hash(8, "13800000000"));
  EXPECT_EQ(
      Kept(R"({"attributes":{"phone":"13800000000","p":{"phone":13800000000}}})"),
      absl::StrCat(R"({"attributes":{"phone":")", hash, R"(","p":{"phone":")", hash, R"("}}})"));
  // Without a key nothing is kept in clear.
  EventRow row;
  row.rest = R"({"phone":"13800000000"})";
  Privacy().Apply(source_, &row);
  EXPECT_EQ(row.rest, R"({"phone":""})");
}

TEST_F(PrivacyTest, CutsLongTextsAtACharacter) {
  const std::string kept = Kept(
      absl::StrCat(R"({"a":")", std::string(kMaxTextBytes - 1, 'x'), "\u4e2d\u6587\",\"b\":1}"));
  EXPECT_EQ(kept, absl::StrCat(R"({"a":")", std::string(kMaxTextBytes - 1, 'x'), "\",\"b\":1}"));
  EXPECT_EQ(flags_, static_cast<uint64_t>(kTextCut));
}

TEST(CutAddressTest, KeepsTheNetwork) {
  const auto net = [](absl::string_view address) {
    const IpNet cut = CutAddress(address);
    std::string out = absl::StrCat(static_cast<int>(cut.bits), cut.v6 ? " v6" : "");
    for (size_t i = 0; i < 8; ++i) absl::StrAppend(&out, " ", static_cast<int>(cut.address[i]));
    return out;
  };
  EXPECT_EQ(net("198.51.100.7"), "24 198 51 100 0 0 0 0 0");
  EXPECT_EQ(net("198.51.100.7:4711"), net("198.51.100.7"));
  EXPECT_EQ(net("::ffff:198.51.100.7"), net("198.51.100.7"));
  EXPECT_EQ(net("2001:db8:1:2:3::4"), "48 v6 32 1 13 184 0 1 0 0");
  EXPECT_EQ(net("[2001:db8:1:2:3::4]:443"), net("2001:db8:1:2:3::4"));
  EXPECT_EQ(net("unknown"), "0 0 0 0 0 0 0 0 0");
  EXPECT_EQ(net("["), "0 0 0 0 0 0 0 0 0");
}

}  // namespace
}  // namespace datong::ingest
