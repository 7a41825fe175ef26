// Whoever is erased is in no table of any schema: the whole suite, with rosters, sessions, events,
// quarantine, profiles and projections, is searched for every identifier of the persons.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/postgres/private_cluster.h"
#include "common/testing/matchers.h"
#include "datong/identity/v1/decisions.grpc.pb.h"
#include "datong/identity/v1/identity.grpc.pb.h"
#include "datong/identity/v1/privacy.grpc.pb.h"
#include "datong/identity/v1/profile.grpc.pb.h"
#include "datong/identity/v1/relation.grpc.pb.h"
#include "tests/integration/marked_suite.h"
#include "tools/datong/demo/wait.h"
#include "tools/datong/demo/world.h"

namespace datong {
namespace {

namespace api = datong::identity::v1;
using ::testing::IsEmpty;

class ErasureScanTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto suite = MarkedSuite::Start();
    ASSERT_OK(suite);
    suite_ = *std::move(suite);
    client_ = std::make_unique<demo::Client>(suite_->stack().doors(), suite_->stack().api_key());
    ASSERT_OK(suite_->Play());
  }

  // The rows of every table, as PostgreSQL writes them.
  std::string Dump() {
    const std::string command =
        absl::StrCat(postgres::FindPostgresBinaries(), "/pg_dump --data-only --dbname='",
                     suite_->stack().dsn().Expose(), "'");
    std::string text;
    FILE* pipe = popen(command.c_str(), "r");
    char part[65536];
    for (size_t size; (size = fread(part, 1, sizeof part, pipe)) > 0;) text.append(part, size);
    return pclose(pipe) == 0 ? text : "";
  }

  // The tables with rows that hold one of the values, also inside of bytes, each with the row.
  static std::vector<std::string> Find(const std::string& dump,
                                       const std::vector<std::string>& values) {
    std::vector<std::string> found;
    std::string table;
    for (const absl::string_view line : absl::StrSplit(dump, '\n')) {
      if (absl::StartsWith(line, "COPY "))
        table = std::string(line.substr(5, line.find(' ', 5) - 5));
      for (const std::string& value : values) {
        if (!absl::StrContains(line, value) &&
            !absl::StrContains(line, absl::BytesToHexString(value))) {
          continue;
        }
        found.push_back(absl::StrCat(table, ": ", line.substr(0, 400)));
        break;
      }
    }
    return found;
  }

  static std::vector<std::string> IdsOf(const demo::Person& person) {
    return {person.unionid, person.account_openid, person.shop_openid, person.club_openid};
  }
  static std::string ShopId(const demo::Person& person) {
    return absl::StrCat("openid:", demo::kShopAppid, ":", person.shop_openid);
  }

  // What other systems tell of a person, with identifiers in it.
  void Tell(const demo::Person& person, const std::string& identifier) {
    const auto profiles = client_->StubOf<api::ProfileService>();
    api::SetAttributesRequest attributes;
    attributes.set_project(demo::kProject);
    attributes.mutable_subject()->set_identifier(identifier);
    api::Attribute* attribute = attributes.add_attributes();
    attribute->set_name("note");
    attribute->set_source("crm");
    attribute->mutable_value()->set_string_value(person.unionid);
    ASSERT_OK(client_->Ask(profiles, &api::ProfileService::Stub::SetAttributes, attributes));

    const auto records = client_->StubOf<api::RecordService>();
    api::PutRecordRequest record;
    record.set_project(demo::kProject);
    record.mutable_subject()->set_identifier(identifier);
    record.mutable_record()->set_kind("order");
    record.mutable_record()->set_key("o-" + person.shop_openid);
    record.mutable_record()->set_source("shop");
    (*record.mutable_record()->mutable_value()->mutable_fields())["buyer"].set_string_value(
        person.club_openid);
    ASSERT_OK(client_->Ask(records, &api::RecordService::Stub::PutRecord, record));

    const auto consents = client_->StubOf<api::ConsentService>();
    api::RecordConsentRequest consent;
    consent.set_project(demo::kProject);
    consent.mutable_subject()->set_identifier(identifier);
    consent.mutable_consent()->set_purpose("marketing");
    consent.mutable_consent()->set_state(api::CONSENT_STATE_GRANTED);
    consent.mutable_consent()->set_source("shop");
    ASSERT_OK(client_->Ask(consents, &api::ConsentService::Stub::RecordConsent, consent));

    const auto decisions = client_->StubOf<api::DecisionService>();
    api::UnlinkRequest apart;
    apart.set_project(demo::kProject);
    apart.set_identifier(identifier);
    apart.set_other_identifier("login:members:somebody-else");
    apart.set_mode(api::UNLINK_MODE_CANNOT_LINK);
    apart.set_reason("two people");
    ASSERT_OK(client_->Ask(decisions, &api::DecisionService::Stub::Unlink, apart));
  }

  void Erase(const std::string& identifier) {
    const auto decisions = client_->StubOf<api::DecisionService>();
    api::EraseRequest request;
    request.set_project(demo::kProject);
    request.set_identifier(identifier);
    request.set_basis("ticket 1");
    request.mutable_hold_back();
    ASSERT_OK(client_->Ask(decisions, &api::DecisionService::Stub::Erase, request));
  }

  std::unique_ptr<MarkedSuite> suite_;
  std::unique_ptr<demo::Client> client_;
};

TEST_F(ErasureScanTest, NoTableOfAnySchemaHoldsAnIdentifierOfAnErasedPerson) {
  const demo::Person& customer = suite_->customer();
  const demo::Person& follower = suite_->follower();
  Tell(customer, ShopId(customer));
  std::vector<std::string> gone = IdsOf(customer);
  for (const std::string& id : IdsOf(follower)) gone.push_back(id);

  // They are everywhere at first, or the search would prove nothing.
  std::set<std::string> tables;
  ASSERT_OK(demo::WaitUntil("the persons are in every schema", [&] {
    tables.clear();
    for (const std::string& row : Find(Dump(), gone)) {
      tables.insert(std::string(absl::string_view(row).substr(0, row.find(':'))));
    }
    std::set<std::string> schemas;
    for (const std::string& table : tables) schemas.insert(table.substr(0, table.find('.')));
    return schemas == std::set<std::string>{"broker", "datacube", "identity", "ingest", "insight"};
  })) << ::testing::PrintToString(tables);

  Erase(ShopId(customer));
  Erase(absl::StrCat("openid:", demo::kAccountAppid, ":", follower.account_openid));
  std::vector<std::string> left;
  demo::WaitUntil("every schema has forgotten them", [&] {
    left = Find(Dump(), gone);
    return left.empty();
  }).IgnoreError();
  EXPECT_THAT(left, IsEmpty());
  // Others stay.
  EXPECT_FALSE(Find(Dump(), {"oCanaryUnion"}).empty());
}

}  // namespace
}  // namespace datong
