#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <random>

#include "services/identity/core/integrity_checker.h"
#include "services/identity/store/postgres_policy_store.h"
#include "services/identity/testing/graph_store_fixture.h"

extern char** environ;

namespace datong::identity {
namespace {

class KilledWriterTest : public GraphStoreTest {
 protected:
  // Runs a writer from the place on and kills it after so many acks, or lets it end. Gives the
  // place that it acknowledged last.
  size_t RunWriter(const Project& project, unsigned seed, size_t count, size_t first, int acks) {
    int pipe_ends[2];
    EXPECT_EQ(pipe(pipe_ends), 0);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, pipe_ends[1], 1);
    posix_spawn_file_actions_addclose(&actions, pipe_ends[0]);
    std::vector<std::string> words = {DATONG_IDENTITY_WRITER, db_.dsn().Expose(),
                                      project.name,           absl::StrCat(project.number),
                                      absl::StrCat(seed),     absl::StrCat(count),
                                      absl::StrCat(first)};
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    pid_t writer = 0;
    EXPECT_EQ(
        posix_spawn(&writer, DATONG_IDENTITY_WRITER, &actions, nullptr, arguments.data(), environ),
        0);
    posix_spawn_file_actions_destroy(&actions);
    close(pipe_ends[1]);
    std::FILE* said = fdopen(pipe_ends[0], "r");
    size_t place = first;
    size_t acknowledged = first;
    while (std::fscanf(said, "%zu", &place) == 1) {
      acknowledged = place;
      if (--acks == 0) kill(writer, SIGKILL);
    }
    std::fclose(said);
    int status = 0;
    waitpid(writer, &status, 0);
    // What it had under way ends with its session, or commits.
    for (bool gone = false; !gone;) {
      const absl::Status asked =
          pool_->Transact("sessions", Soon(), [&](pqxx::work& work) -> absl::Status {
            gone = work.exec1(
                           "SELECT count(*) FROM pg_stat_activity WHERE datname = "
                           "current_database() AND pid <> pg_backend_pid() AND "
                           "state <> 'idle'")[0]
                       .as<int>() == 0;
            return absl::OkStatus();
          });
      EXPECT_OK(asked);
    }
    return acknowledged;
  }
};

TEST_F(KilledWriterTest, AfterAKillThePartitionIsTheOneOfWhatWasAcknowledged) {
  constexpr unsigned kSeed = 31;
  constexpr size_t kCount = 200;
  std::mt19937 random(kSeed);
  const auto store = MakeStore();
  PostgresPolicyStore policies(*pool_, clock_, {}, metrics_);
  IntegrityChecker checker(policies, clock_, metrics_);
  const Project project = NewProject(*store);
  const std::vector<Evidence> records = RandomHistory(kSeed, kCount, 20);
  size_t place = 0;
  int kills = 0;
  while (place < kCount) {
    const size_t before = place;
    place = RunWriter(project, kSeed, kCount, place, 1 + static_cast<int>(random() % 8));
    ASSERT_GT(place, before);
    if (place < kCount) ++kills;
    const auto until = [&](size_t end) {
      const auto stop = static_cast<std::ptrdiff_t>(std::min(end, kCount));
      return Draw({records.begin(), records.begin() + stop}, {});
    };
    // The batch after the last ack may have been committed without one.
    EXPECT_THAT(Read(*store, project), ::testing::AnyOf(until(place), until(place + 4)));
    const absl::StatusOr<IntegrityRound> round = checker.Check(project);
    ASSERT_OK(round);
    EXPECT_EQ(round->differences, 0);
  }
  EXPECT_GT(kills, 2);
  EXPECT_EQ(Read(*store, project), Draw(records, {}));
  ExpectFeedAgrees(*store, project);
}

}  // namespace
}  // namespace datong::identity
