#include "tests/faults/history.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"

namespace datong::faults {
namespace {

constexpr size_t kMostTold = 20;

// A token as the database knew it: the same token may be written again under later generations.
struct Version {
  int64_t first = 0;
  int64_t last = 0;
  absl::Time at;                                 // of the first write
  absl::Time replaced = absl::InfiniteFuture();  // by another token
};
using Versions = std::map<std::pair<std::string, std::string>, Version>;  // by app and fingerprint

class Checker {
 public:
  explicit Checker(const Rules& rules) : rules_(rules) {}

  void CheckWrites(std::vector<TokenWrite> writes) {
    std::stable_sort(writes.begin(), writes.end(), [](const TokenWrite& a, const TokenWrite& b) {
      return std::make_pair(a.appid, a.generation) < std::make_pair(b.appid, b.generation);
    });
    const TokenWrite* before = nullptr;
    int64_t epoch = 0;
    for (const TokenWrite& write : writes) {
      if (before == nullptr || before->appid != write.appid) {
        before = nullptr;
        epoch = 0;
      }
      const int64_t expected = before == nullptr ? 1 : before->generation + 1;
      if (write.generation != expected) {
        Tell(absl::StrCat(write.appid, ": generation ", write.generation, " follows ",
                          expected - 1));
      }
      if (rules_.epochs && write.epoch != 0) {
        if (write.epoch <= epoch) {
          Tell(absl::StrCat(write.appid, ": generation ", write.generation,
                            " was written in epoch ", write.epoch, " after one in epoch ", epoch));
        }
        epoch = write.epoch;
      }
      Version& version = versions_[{write.appid, write.fingerprint}];
      if (version.first == 0) {
        version.first = write.generation;
        version.at = write.at;
      }
      version.last = write.generation;
      version.replaced = absl::InfiniteFuture();
      if (before != nullptr && before->fingerprint != write.fingerprint) {
        versions_[{write.appid, before->fingerprint}].replaced = write.at;
      }
      before = &write;
    }
  }

  void CheckRead(const TokenRead& read) {
    const std::string who =
        absl::StrCat("reader ", read.reader, " of ", read.appid, " at ",
                     absl::FormatTime("%H:%M:%E3S", read.begin, absl::UTCTimeZone()));
    const auto found = versions_.find({read.appid, read.fingerprint});
    if (found == versions_.end() || found->second.at > read.end) {
      Tell(absl::StrCat(who, " got a token that nobody had stored"));
      return;
    }
    const Version& version = found->second;
    int64_t& seen = seen_[{read.reader, read.appid}];
    if (version.last < seen) {
      Tell(absl::StrCat(who, " got version ", version.last, " after version ", seen));
    }
    seen = std::max(seen, version.first);
    if (read.clock_agreed && read.expires <= read.business_begin) {
      Tell(absl::StrCat(who, " got a token that had expired ",
                        absl::FormatDuration(read.business_begin - read.expires), " ago"));
    }
    if (version.replaced + rules_.longest_stale < read.begin) {
      Tell(absl::StrCat(who, " got a token that had been replaced ",
                        absl::FormatDuration(read.begin - version.replaced), " ago"));
    }
  }

  std::vector<std::string> Result() && {
    if (count_ > kMostTold) told_.push_back(absl::StrCat("and ", count_ - kMostTold, " more"));
    return std::move(told_);
  }

 private:
  void Tell(std::string what) {
    if (++count_ <= kMostTold) told_.push_back(std::move(what));
  }

  const Rules& rules_;
  Versions versions_;
  std::map<std::pair<int, std::string>, int64_t> seen_;
  std::vector<std::string> told_;
  size_t count_ = 0;
};

}  // namespace

std::vector<std::string> Violations(const History& history, const Rules& rules) {
  Checker checker(rules);
  checker.CheckWrites(history.writes);
  for (const TokenRead& read : history.reads) checker.CheckRead(read);
  return std::move(checker).Result();
}

absl::Duration CachedP99(const std::vector<TokenRead>& reads) {
  std::map<std::pair<std::string, std::string>, absl::Time> first;  // by app and fingerprint
  for (const TokenRead& read : reads) {
    const auto [at, is_new] = first.try_emplace({read.appid, read.fingerprint}, read.end);
    at->second = std::min(at->second, read.end);
  }
  std::vector<absl::Duration> cached;
  for (const TokenRead& read : reads) {
    if (read.begin >= first[{read.appid, read.fingerprint}])
      cached.push_back(read.end - read.begin);
  }
  if (cached.empty()) return absl::InfiniteDuration();
  const auto at = cached.begin() + static_cast<std::ptrdiff_t>(cached.size() * 99 / 100);
  std::nth_element(cached.begin(), at, cached.end());
  return *at;
}

}  // namespace datong::faults
