// What every SourceStore promises, held against the fake and against PostgreSQL.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <type_traits>

#include "common/testing/matchers.h"
#include "common/testing/test_database.h"
#include "ingest_migrations.h"
#include "services/ingest/store/postgres_source_store.h"
#include "services/ingest/testing/fake_source_store.h"

namespace datong::ingest {
namespace {

template <typename Store>
class SourceStoreContractTest : public ::testing::Test {
 protected:
  SourceStoreContractTest() {
    if constexpr (std::is_same_v<Store, PostgresSourceStore>) {
      database_ = std::make_unique<TestDatabase>(
          std::vector<postgres::SchemaMigrations>{{"ingest", Migrations()}});
      pool_ = database_->MakePool(registry_);
      store_ = std::make_unique<PostgresSourceStore>(*pool_);
    } else {
      store_ = std::make_unique<FakeSourceStore>();
    }
    EXPECT_OK(store_->RegisterProject({7, "shop"}, Soon()));
  }

  static Deadline Soon() { return Deadline::After(absl::Seconds(10)); }
  static Source SourceOf(const std::string& id) {
    Source source;
    source.tenant_id = 7;
    source.project = "shop";
    source.id = source.display_name = id;
    source.surface = source.device_scope = id;
    source.write_key = "key-" + id;
    source.sdk_project = "shop";
    source.login_space = "main";
    source.create_time = source.update_time = absl::FromUnixSeconds(1'790'000'000);
    return source;
  }
  Source Only(const std::string& id) {
    const auto catalogue = store_->LoadAll(Soon());
    EXPECT_OK(catalogue);
    for (const Source& source : catalogue->sources) {
      if (source.id == id) return source;
    }
    ADD_FAILURE() << "no source " << id;
    return {};
  }

  metrics::Registry registry_;
  std::unique_ptr<TestDatabase> database_;
  std::unique_ptr<postgres::Pool> pool_;
  std::unique_ptr<SourceStore> store_;
};

using Stores = ::testing::Types<FakeSourceStore, PostgresSourceStore>;
TYPED_TEST_SUITE(SourceStoreContractTest, Stores);

TYPED_TEST(SourceStoreContractTest, AProjectKeepsItsNumber) {
  EXPECT_OK(this->store_->RegisterProject({7, "shop"}, this->Soon()));
  EXPECT_THAT(this->store_->RegisterProject({8, "shop"}, this->Soon()),
              IsError(absl::StatusCode::kAlreadyExists, "PROJECT_NUMBER_TAKEN"));
  EXPECT_THAT(this->store_->RegisterProject({7, "other"}, this->Soon()),
              IsError(absl::StatusCode::kAlreadyExists, "PROJECT_NUMBER_TAKEN"));
  const auto catalogue = this->store_->LoadAll(this->Soon());
  ASSERT_OK(catalogue);
  ASSERT_EQ(catalogue->projects.size(), 1u);
  EXPECT_EQ(catalogue->projects[0].id, "shop");
}

TYPED_TEST(SourceStoreContractTest, ASourceComesBackAsItWasStored) {
  Source source = this->SourceOf("mini");
  source.app = "wx1";
  source.data_source_id = "ds1";
  source.login_spaces = {{"member_no", "members"}};
  source.origins = {"https://m.example.cn"};
  source.device_id_is_openid = true;
  source.attribute_by = AttributeBy::kLoginThenDevice;
  source.consent_mode = ConsentMode::kRequired;
  source.privacy = {{"invite"}, {"code"}, {"phone"}, true, true};
  const auto stored = this->store_->Insert(source, this->Soon());
  ASSERT_OK(stored);
  EXPECT_GT(stored->number, 0);
  const Source there = this->Only("mini");
  EXPECT_EQ(there.number, stored->number);
  EXPECT_EQ(there.app, "wx1");
  EXPECT_EQ(there.login_spaces, source.login_spaces);
  EXPECT_EQ(there.origins, source.origins);
  EXPECT_TRUE(there.device_id_is_openid);
  EXPECT_EQ(there.attribute_by, AttributeBy::kLoginThenDevice);
  EXPECT_EQ(there.consent_mode, ConsentMode::kRequired);
  EXPECT_EQ(there.privacy, source.privacy);
  EXPECT_EQ(there.create_time, source.create_time);
}

TYPED_TEST(SourceStoreContractTest, NamesAndKeysAreUnique) {
  Source first = this->SourceOf("a");
  first.data_source_id = "ds1";
  ASSERT_OK(this->store_->Insert(first, this->Soon()));
  EXPECT_THAT(this->store_->Insert(this->SourceOf("a"), this->Soon()),
              IsError(absl::StatusCode::kAlreadyExists, "SOURCE_EXISTS"));
  Source same_key = this->SourceOf("b");
  same_key.write_key = first.write_key;
  EXPECT_THAT(this->store_->Insert(same_key, this->Soon()),
              IsError(absl::StatusCode::kAlreadyExists, "WRITE_KEY_TAKEN"));
  Source same_data_source = this->SourceOf("b");
  same_data_source.data_source_id = "ds1";
  EXPECT_THAT(this->store_->Insert(same_data_source, this->Soon()),
              IsError(absl::StatusCode::kAlreadyExists, "WRITE_KEY_TAKEN"));
  ASSERT_OK(this->store_->Insert(this->SourceOf("b"), this->Soon()));
  EXPECT_THAT(this->store_->Update(same_key, this->Soon()),
              IsError(absl::StatusCode::kAlreadyExists, "WRITE_KEY_TAKEN"));
}

TYPED_TEST(SourceStoreContractTest, UpdatesReplaceWhatMayChange) {
  const auto stored = this->store_->Insert(this->SourceOf("a"), this->Soon());
  ASSERT_OK(stored);
  Source changed = *stored;
  changed.surface = "h5";
  changed.disabled = true;
  changed.privacy.keep_typed_text = true;
  const auto updated = this->store_->Update(changed, this->Soon());
  ASSERT_OK(updated);
  EXPECT_EQ(updated->number, stored->number);
  const Source there = this->Only("a");
  EXPECT_EQ(there.surface, "h5");
  EXPECT_TRUE(there.disabled);
  EXPECT_TRUE(there.privacy.keep_typed_text);
  EXPECT_THAT(this->store_->Update(this->SourceOf("b"), this->Soon()),
              IsError(absl::StatusCode::kNotFound, "SOURCE_UNKNOWN"));
}

TYPED_TEST(SourceStoreContractTest, PushesShareTheSurfaceOfTheirApp) {
  Source push = this->SourceOf("push-wx1");
  push.kind = SourceKind::kPush;
  push.trust = Trust::kServer;
  push.app = push.surface = "wx1";
  ASSERT_OK(this->store_->Insert(push, this->Soon()));
  Source mini = this->SourceOf("mini");
  mini.app = mini.device_scope = "wx1";
  mini.surface = "shop-mini";
  ASSERT_OK(this->store_->Insert(mini, this->Soon()));
  EXPECT_EQ(this->Only("push-wx1").surface, "shop-mini");
}

TYPED_TEST(SourceStoreContractTest, PushesMadeWithoutKnowledgeOfTheSdkSourceJoinItsSurface) {
  Source mini = this->SourceOf("mini");
  mini.app = mini.device_scope = "wx1";
  mini.surface = "shop-mini";
  ASSERT_OK(this->store_->Insert(mini, this->Soon()));
  Source push = this->SourceOf("push-wx1");
  push.kind = SourceKind::kPush;
  push.trust = Trust::kServer;
  push.app = push.surface = "wx1";
  const absl::StatusOr<Source> stored = this->store_->Insert(push, this->Soon());
  ASSERT_OK(stored);
  EXPECT_EQ(stored->surface, "shop-mini");
  EXPECT_EQ(this->Only("push-wx1").surface, "shop-mini");
}

}  // namespace
}  // namespace datong::ingest
