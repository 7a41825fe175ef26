#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/testing/fake_clock.h"
#include "common/testing/matchers.h"
#include "common/testing/test_database.h"
#include "identity_migrations.h"
#include "services/identity/core/linker.h"
#include "services/identity/store/postgres_graph_store.h"
#include "services/identity/testing/scenarios.h"

namespace datong::identity {

inline Deadline Soon() { return Deadline::After(absl::Seconds(30)); }

// A graph in a database of its own; each project of it is a world apart.
class GraphStoreTest : public ::testing::Test {
 protected:
  std::unique_ptr<PostgresGraphStore> MakeStore(const Policy& policy = {}) {
    return std::make_unique<PostgresGraphStore>(*pool_, clock_, policy, metrics_);
  }
  Project NewProject(GraphStore& store) {
    Project project{absl::StrCat("projects/p", ++projects_), projects_};
    EXPECT_OK(store.RegisterProject(project, Soon()));
    return project;
  }
  LinkOutcome Link(GraphStore& store, const Project& project, std::vector<Evidence> records) {
    for (Evidence& record : records) EXPECT_EQ(Normalise(record), "");
    absl::StatusOr<LinkOutcome> outcome = store.Link(project, records, Soon());
    EXPECT_OK(outcome);
    return outcome.ok() ? *outcome : LinkOutcome{};
  }
  Picture Read(GraphStore& store, const Project& project) {
    Picture picture;
    absl::StatusOr<PageOf<PersonView>> page;
    std::string after;
    do {
      page = store.ListPersons(project, {}, after, 100, Soon());
      EXPECT_OK(page);
      for (const PersonView& person : page->items) {
        std::vector<std::string> ids;
        for (const HeldIdentifier& held : person.identifiers) ids.push_back(held.identifier);
        std::sort(ids.begin(), ids.end());
        picture.persons.insert(std::move(ids));
      }
      after = page->next_key;
    } while (!after.empty());
    absl::StatusOr<PageOf<RefusalView>> refusals;
    do {
      refusals = store.ListRefusals(project, {}, after, 7, Soon());
      EXPECT_OK(refusals);
      for (const RefusalView& view : refusals->items) {
        picture.refused.emplace(view.refusal.ids, NameOf(view.refusal.reason));
      }
      after = refusals->next_key;
    } while (!after.empty());
    return picture;
  }

  // What a reader of the feed knows at its end.
  struct Followed {
    std::map<std::string, uint32_t> persons;  // by identifier
    std::set<uint32_t> there;                 // persons that began and did not end
    std::map<int64_t, std::pair<std::vector<std::string>, std::string>>
        refusals;  // open, by number

    void Take(const ChangeView& change) {
      switch (change.kind) {
        case ChangeKind::kCreated:
        case ChangeKind::kSplit:
          EXPECT_TRUE(there.insert(change.person).second) << "begun twice: " << change.person;
          break;
        case ChangeKind::kMerged:
          there.erase(change.previous_person);
          break;
        case ChangeKind::kErased:
          there.erase(change.person);
          std::erase_if(persons, [&](const auto& held) { return held.second == change.person; });
          break;
        case ChangeKind::kRefusalOpened:
          EXPECT_TRUE(
              refusals.try_emplace(change.refusal, std::pair(change.refused, NameOf(change.reason)))
                  .second)
              << "opened twice";
          break;
        case ChangeKind::kRefusalClosed:
          EXPECT_EQ(refusals.erase(change.refusal), 1U) << "closed and not open";
          break;
        default:
          break;
      }
      if (change.identifier.empty()) return;
      EXPECT_EQ(persons[change.identifier], change.previous_person);
      EXPECT_TRUE(change.person == 0 || there.contains(change.person)) << "linked before it began";
      persons[change.identifier] = change.person;
    }
  };
  Followed FollowFeed(GraphStore& store, const Project& project) {
    Followed followed;
    std::string cursor;
    int64_t last = 0;
    for (;;) {
      const absl::StatusOr<ChangePage> page = store.ListChanges(project, cursor, 13, Soon());
      EXPECT_OK(page);
      if (!page.ok() || page->changes.empty()) return followed;
      for (const ChangeView& change : page->changes) {
        EXPECT_EQ(change.version, last + 1) << "the feed has a gap";
        last = change.version;
        followed.Take(change);
      }
      cursor = page->next_cursor;
    }
  }

  void ExpectFeedAgrees(GraphStore& store, const Project& project) {
    std::map<std::string, uint32_t> stored;
    const absl::StatusOr<PageOf<PersonView>> page =
        store.ListPersons(project, {}, "", 1000, Soon());
    ASSERT_OK(page);
    for (const PersonView& person : page->items) {
      for (const HeldIdentifier& held : person.identifiers) {
        stored[held.identifier] = person.index;
      }
    }
    Followed followed = FollowFeed(store, project);
    std::erase_if(followed.persons, [](const auto& entry) { return entry.second == 0; });
    EXPECT_EQ(followed.persons, stored);
    std::set<std::pair<std::vector<std::string>, std::string>> open;
    for (const auto& [number, refusal] : followed.refusals) open.insert(refusal);
    EXPECT_EQ(open, Read(store, project).refused) << "refusals by the feed, and as they are";
  }

  // A store that was asked before answers as the database does.
  void ExpectRemembersRight(GraphStore& store, const Project& project) {
    const absl::StatusOr<PageOf<PersonView>> page =
        store.ListPersons(project, {}, "", 1000, Soon());
    ASSERT_OK(page);
    std::vector<std::string> ids;
    std::vector<uint32_t> persons;
    for (const PersonView& person : page->items) {
      for (const HeldIdentifier& held : person.identifiers) {
        ids.push_back(held.identifier);
        persons.push_back(person.index);
      }
    }
    EXPECT_THAT(store.FindPersons(project, ids, nullptr, Soon()), IsOkAndHolds(persons));
  }

  TestDatabase db_{{{"identity", Migrations()}}};
  metrics::Registry registry_;
  std::unique_ptr<postgres::Pool> pool_ = db_.MakePool(registry_, 6);
  FakeClock clock_{absl::FromUnixSeconds(1'790'000'000)};
  Metrics metrics_{registry_};
  int projects_ = 0;
};

inline Evidence Record(const char* kind, std::vector<std::string> ids, int minute) {
  Evidence record;
  record.kind = kind;
  record.ids = std::move(ids);
  record.observed = absl::FromUnixSeconds(1'772'000'000) + absl::Minutes(minute);
  return record;
}

}  // namespace datong::identity
