// The service's graph on PostgreSQL against every order of the worked scenarios, and with writers
// of evidence and of decisions at the same time.

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>
#include <thread>

#include "absl/strings/str_split.h"
#include "services/identity/store/postgres_decision_store.h"
#include "services/identity/testing/graph_store_fixture.h"

namespace datong::identity {
namespace {

// Orders are tried side by side in one project: each has scopes of its own ("openid:wxmp1~17:a"),
// so that the orders have nothing to do with each other.
constexpr char kMark = '~';
constexpr size_t kOrdersAtOnce = 120;

std::string Apart(const std::string& id, size_t order) {
  const std::vector<std::string> parts = absl::StrSplit(id, absl::MaxSplits(':', 2));
  if (parts.size() < 3) return id;
  // Of external user ids the company, as pending ids end in it.
  std::string scope = parts[1];
  const size_t company = parts[0] == "ext" ? scope.find('/') : scope.size();
  scope.insert(std::min(company, scope.size()), absl::StrCat(std::string(1, kMark), order));
  return absl::StrCat(parts[0], ":", scope, ":", parts[2]);
}

// Gives the order, or none for what has no scope.
std::optional<size_t> Together(std::string& id) {
  const size_t mark = id.find(kMark);
  if (mark == std::string::npos) return std::nullopt;
  size_t digits = 0;
  const auto order = static_cast<size_t>(std::stoul(id.substr(mark + 1), &digits));
  id.erase(mark, digits + 1);
  return order;
}

std::optional<size_t> Together(std::vector<std::string>& ids) {
  std::optional<size_t> order;
  for (std::string& id : ids) {
    if (const std::optional<size_t> own = Together(id); own.has_value()) order = own;
  }
  return order;
}

class ScenarioOrdersTest : public GraphStoreTest {
 protected:
  using Order = std::vector<size_t>;  // of the steps, also repeated ones

  static std::vector<Order> OrdersOf(const Scenario& scenario, std::mt19937& random) {
    Order order(scenario.steps.size());
    std::iota(order.begin(), order.end(), 0U);
    std::vector<Order> orders;
    const auto add = [&] {
      orders.push_back(order);
      // Duplicates, anywhere behind the first.
      while (random() % 2 == 0) {
        const auto place = static_cast<std::ptrdiff_t>(random() % (orders.back().size() + 1));
        orders.back().insert(orders.back().begin() + place, order[random() % order.size()]);
      }
    };
    if (order.size() <= 6) {
      do add();
      while (std::next_permutation(order.begin(), order.end()));
    } else {
      for (int i = 0; i < 500; ++i) {
        std::shuffle(order.begin(), order.end(), random);
        add();
      }
    }
    return orders;
  }

  // Each order's next step, all in one batch of evidence and one of decisions.
  void Advance(GraphStore& store, DecisionStore& decisions, const Project& project,
               const Scenario& scenario, absl::Span<const Order> orders, size_t place) {
    std::vector<Evidence> linked, decided_with;
    std::vector<Decision> decided;
    for (size_t i = 0; i < orders.size(); ++i) {
      if (place >= orders[i].size()) continue;
      const ScenarioStep& step = scenario.steps[orders[i][place]];
      std::vector<Evidence>& records = step.decisions.empty() ? linked : decided_with;
      for (Evidence record : step.evidence) {
        for (std::string& id : record.ids) id = Apart(id, i);
        ASSERT_EQ(Normalise(record), "");
        records.push_back(std::move(record));
      }
      for (Decision decision : step.decisions) {
        decision.a = Apart(decision.a, i);
        if (!decision.b.empty()) decision.b = Apart(decision.b, i);
        decided.push_back(std::move(decision));
      }
    }
    if (!linked.empty()) {
      ASSERT_OK(store.Link(project, linked, Soon()));
    }
    if (!decided.empty()) {
      ASSERT_OK(decisions.Decide(project, decided, decided_with, Soon()));
    }
  }

  std::vector<Picture> ReadOrders(GraphStore& store, const Project& project, size_t count) {
    std::vector<Picture> pictures(count);
    const Picture all = Read(store, project);
    for (std::vector<std::string> person : all.persons) {
      const std::optional<size_t> order = Together(person);
      EXPECT_TRUE(order.has_value());
      pictures.at(order.value_or(0)).persons.insert(std::move(person));
    }
    for (std::pair<std::vector<std::string>, std::string> refusal : all.refused) {
      const std::optional<size_t> order = Together(refusal.first);
      for (size_t i = 0; i < count; ++i) {
        if (!order.has_value() || *order == i) pictures[i].refused.insert(refusal);
      }
    }
    return pictures;
  }
};

TEST_F(ScenarioOrdersTest, NoOrderAndNoRepeatChangesTheResult) {
  std::mt19937 random(7);
  int tried = 0;
  for (const Scenario& scenario : LoadScenarios("testdata/scenarios.json")) {
    if (!scenario.permutable) continue;
    const auto store = MakeStore(scenario.policy);
    PostgresDecisionStore decisions(*pool_, clock_, scenario.policy, metrics_);
    const std::vector<Order> all = OrdersOf(scenario, random);
    for (size_t begin = 0; begin < all.size(); begin += kOrdersAtOnce) {
      const size_t count = std::min(kOrdersAtOnce, all.size() - begin);
      const absl::Span<const Order> orders(&all[begin], count);
      const Project project = NewProject(*store);
      size_t longest = 0;
      for (const Order& order : orders) longest = std::max(longest, order.size());
      for (size_t place = 0; place < longest; ++place) {
        Advance(*store, decisions, project, scenario, orders, place);
        if (HasFatalFailure()) return;
      }
      const std::vector<Picture> pictures = ReadOrders(*store, project, count);
      for (size_t i = 0; i < count; ++i) {
        ASSERT_EQ(pictures[i], scenario.expect)
            << scenario.name << " in the order " << ::testing::PrintToString(orders[i]);
      }
      tried += static_cast<int>(count);
    }
  }
  EXPECT_GT(tried, 1900);
}

// Several writers at once are one writer, whatever they write.
TEST_F(ScenarioOrdersTest, EvidenceAndDecisionsAtOnceGiveWhatTheFunctionGives) {
  const Policy policy{.hub_device_partners = 4, .hub_login_partners = 2, .max_ids = 12};
  for (unsigned seed = 300; seed < 306; ++seed) {
    const std::unique_ptr<PostgresGraphStore> replicas[] = {MakeStore(policy), MakeStore(policy)};
    PostgresDecisionStore decisions(*pool_, clock_, policy, metrics_);
    const Project project = NewProject(*replicas[0]);
    std::vector<Evidence> records = RandomHistory(seed, 180, 9);
    // Of a fact that is known repeats are not stored, so a decision about their time would see less
    // than the function: all repeats are of one time.
    std::map<std::pair<std::string, std::vector<std::string>>, absl::Time> first;
    for (Evidence& record : records) {
      ASSERT_EQ(Normalise(record), "");
      record.observed = first.try_emplace({record.kind, record.ids}, record.observed).first->second;
    }
    const std::vector<Decision> said = RandomDecisions(seed, 24, 9);
    std::vector<std::thread> writers;
    for (size_t writer = 0; writer < 3; ++writer) {
      writers.emplace_back([&, writer] {
        for (size_t i = writer * 4; i < records.size(); i += 12) {
          EXPECT_OK(replicas[writer % 2]->Link(project, absl::Span<const Evidence>(&records[i], 4),
                                               Soon()));
        }
      });
    }
    writers.emplace_back([&] {
      for (const Decision& decision : said) {
        EXPECT_OK(decisions.Decide(project, {decision}, {}, Soon()));
      }
    });
    for (std::thread& writer : writers) writer.join();
    ASSERT_EQ(Read(*replicas[0], project), Draw(records, policy, said)) << "seed " << seed;
    ExpectFeedAgrees(*replicas[0], project);
  }
}

}  // namespace
}  // namespace datong::identity
