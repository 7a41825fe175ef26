#include "services/identity/rpc/privacy_handlers.h"

#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "common/identifier/identifier.h"
#include "common/status/error.h"
#include "services/identity/rpc/convert.h"
#include "services/identity/store/postgres_decision_store.h"
#include "services/identity/store/postgres_privacy_store.h"
#include "services/identity/store/postgres_profile_store.h"
#include "services/identity/testing/graph_store_fixture.h"

namespace datong::identity {
namespace {

template <typename Message>
Message Proto(const std::string& text) {
  Message message;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &message)) << text;
  return message;
}

class PrivacyHandlersTest : public GraphStoreTest {
 protected:
  static std::string Subject(const std::string& identifier) {
    return absl::StrCat("project: \"projects/p1\" subject { identifier: \"", identifier, "\" } ");
  }
  absl::StatusOr<v1::PutRecordResponse> Put(const std::string& identifier, const std::string& key,
                                            int total) {
    return handlers_.PutRecord(
        call_,
        Proto<v1::PutRecordRequest>(absl::StrCat(
            Subject(identifier), R"(record { kind: "order" source: "shop" key: ")", key,
            R"(" value { fields { key: "total" value { number_value: )", total, " } } } }")));
  }
  std::vector<std::string> Keys(const std::string& identifier) {
    std::vector<std::string> keys;
    const auto listed =
        handlers_.ListRecords(call_, Proto<v1::ListRecordsRequest>(Subject(identifier)));
    EXPECT_OK(listed);
    for (const auto& record : listed->records()) keys.push_back(record.key());
    return keys;
  }
  void Erase(const std::string& identifier) {
    ASSERT_OK(decisions_.RequestErasure(
        project_, {{identifier}, true, clock_.Now(), clock_.Now(), "asked", "test"}, Soon()));
    EXPECT_THAT(decisions_.RunErasure(Soon()), IsOkAndHolds(true));
  }

  rpc::CallContext call_;
  std::unique_ptr<PostgresGraphStore> store_ = MakeStore();
  PostgresDecisionStore decisions_{*pool_, clock_, {}, metrics_};
  PostgresProfileStore profiles_{*pool_, clock_};
  PostgresPrivacyStore privacy_{*pool_, clock_};
  PrivacyMetrics privacy_metrics_{registry_};
  PrivacyHandlers handlers_{*store_, privacy_, privacy_metrics_, clock_};
  const Project project_ = NewProject(*store_);
};

TEST_F(PrivacyHandlersTest, ARecordIsSeenFromEverySurfaceAlsoAfterAMerge) {
  Link(*store_, project_, {Record("mp.code2session", {"openid:mini:a"}, 1)});
  Link(*store_, project_, {Record("oa.user_info", {"openid:oa:b"}, 1)});
  EXPECT_TRUE(Put("openid:mini:a", "1001", 5)->created());
  EXPECT_TRUE(Put("openid:oa:b", "1002", 7)->created());
  // The same order, told by both surfaces before anybody knew that they are one person.
  EXPECT_TRUE(Put("openid:oa:b", "1001", 5)->created());
  EXPECT_EQ(Keys("openid:mini:a"), std::vector<std::string>({"1001"}));

  Link(*store_, project_,
       {Record("mp.code2session", {"openid:mini:a", "unionid:op:u"}, 2),
        Record("oa.user_info", {"openid:oa:b", "unionid:op:u"}, 3)});
  EXPECT_EQ(Keys("openid:oa:b"), std::vector<std::string>({"1001", "1002"}));
  EXPECT_EQ(Keys("openid:mini:a"), Keys("unionid:op:u"));
  // Told again, by whichever identifier: nothing new.
  EXPECT_FALSE(Put("unionid:op:u", "1002", 7)->created());
  EXPECT_EQ(GetReason(Put("unionid:op:u", "1002", 8).status()), "RECORD_KEY_REUSED");
  EXPECT_EQ(Keys("openid:oa:b").size(), 2U);
}

TEST_F(PrivacyHandlersTest, ARecordThatIsNoneIsRefused) {
  const auto refused =
      handlers_.PutRecord(call_, Proto<v1::PutRecordRequest>(absl::StrCat(
                                     Subject("openid:oa:b"), R"(record { kind: "Order No" })")));
  EXPECT_EQ(GetReason(refused.status()), "RECORD_INVALID");
}

TEST_F(PrivacyHandlersTest, ExportTellsAllThatIsKept) {
  Link(*store_, project_, {Record("mp.code2session", {"openid:mini:a", "unionid:op:u"}, 1)});
  Link(*store_, project_, {Record("mp.code2session", {"openid:mini:other"}, 1)});
  ASSERT_OK(profiles_.AppendConsent(project_, {"openid:mini:a"},
                                    {"marketing", true, "shop", clock_.Now()}, Soon()));
  ASSERT_OK(profiles_.AppendAttributes(project_, "unionid:op:u", {"unionid:op:u"},
                                       {{"nickname", "\"Li\"", "shop", clock_.Now()}}, Soon()));
  ASSERT_OK(Put("unionid:op:u", "1001", 5));

  const auto exported =
      handlers_.ExportPerson(call_, Proto<v1::ExportPersonRequest>(Subject("openid:mini:a")));
  ASSERT_OK(exported);
  const auto& fields = exported->document().fields();
  const auto size = [&](const char* name) { return fields.at(name).list_value().values_size(); };
  EXPECT_EQ(size("identifiers"), 2);
  EXPECT_EQ(size("evidence"), 1);
  EXPECT_EQ(size("consents"), 1);
  EXPECT_EQ(size("attributes"), 1);
  EXPECT_EQ(size("records"), 1);
  EXPECT_EQ(size("history"), 2);
  EXPECT_EQ(exported->DebugString().find("other"), std::string::npos);

  const auto unknown =
      handlers_.ExportPerson(call_, Proto<v1::ExportPersonRequest>(Subject("openid:mini:nobody")));
  EXPECT_EQ(GetReason(unknown.status()), "PERSON_UNKNOWN");
}

TEST_F(PrivacyHandlersTest, AnErasureTakesRecordsAlongAndNamesTheNodes) {
  Link(*store_, project_, {Record("mp.code2session", {"openid:mini:a", "unionid:op:u"}, 1)});
  ASSERT_OK(Put("unionid:op:u", "1001", 5));
  clock_.Advance(absl::Minutes(1));
  const auto ask = [&](const std::string& cursor) {
    return handlers_.ListErasures(
        call_, Proto<v1::ListErasuresRequest>(
                   absl::StrCat(R"(project: "projects/p1" page_size: 1 cursor: ")", cursor, "\"")));
  };
  ASSERT_OK(ask(""));
  EXPECT_EQ(ask("")->erasures_size(), 0);
  Erase("openid:mini:a");

  EXPECT_TRUE(Keys("unionid:op:u").empty());
  std::set<int64_t> nodes;
  std::string cursor;
  for (;;) {
    const auto page = ask(cursor);
    ASSERT_OK(page);
    cursor = page->next_cursor();
    if (page->erasures().empty()) break;
    nodes.insert(page->erasures(0).node());
    EXPECT_EQ(FromProto(page->erasures(0).erase_time()), clock_.Now());
  }
  EXPECT_EQ(nodes, (std::set<int64_t>{NodeOf(1, "openid:mini:a"), NodeOf(1, "unionid:op:u")}));

  ASSERT_OK(privacy_.ForgetErasures(clock_.Now() + absl::Hours(1), Soon()));
  EXPECT_EQ(ask("")->erasures_size(), 0);
}

}  // namespace
}  // namespace datong::identity
