#include "services/identity/core/linker.h"

#include <algorithm>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/string_view.h"
#include "common/base/strings.h"
#include "common/identifier/identifier.h"

namespace datong::identity {
namespace {

constexpr size_t kMostIds = 20;
constexpr size_t kLongestNote = 256;

// An identifier as Identifier writes it, of plain ASCII and of a kind that is known: so nearly all
// are, and they need no copy.
bool IsNormal(absl::string_view text) {
  if (text.size() > 256 || KindOf(text) == IdKind::kUnknown) return false;
  const size_t first = text.find(':');
  if (first == 0 || first == absl::string_view::npos) return false;
  const size_t second = text.find(':', first + 1);
  if (second == first + 1 || second == absl::string_view::npos) return false;
  const absl::string_view value = text.substr(second + 1);
  if (!value.empty() && (value.front() == ' ' || value.back() == ' ')) return false;
  return absl::c_all_of(text, [](char c) { return c >= 0x20 && c < 0x7F; });
}

void NormaliseNote(std::string& note) {
  if (note.size() > kLongestNote) note.resize(kLongestNote);
  const bool plain = absl::c_all_of(note, [](char c) { return c > 0; });
  if (!plain) note = SanitizeUtf8(note);
}

}  // namespace

std::string Normalise(Evidence& record) {
  if (!ClassOf(record.kind).has_value()) return "EVIDENCE_KIND_UNKNOWN";
  if (record.ids.empty()) return "IDENTIFIERS_MISSING";
  if (record.ids.size() > kMostIds) return "TOO_MANY_IDENTIFIERS";
  if (record.observed <= absl::UnixEpoch() || record.observed >= absl::FromUnixSeconds(1LL << 34)) {
    return "OBSERVED_TIME_MISSING";
  }
  for (std::string& text : record.ids) {
    if (IsNormal(text)) continue;
    if (KindOf(text) == IdKind::kForbidden && text.size() <= 256 && IsUtf8(text)) {
      // Order numbers and hints need no scope ("txn:4200001"): they are refused by kind anyway.
      if (!absl::c_any_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x20; }))
        continue;
    }
    const absl::StatusOr<Identifier> id = Identifier::Parse(text);
    if (!id.ok() || !IsUtf8(text) || KindOf(text) == IdKind::kUnknown) return "IDENTIFIER_INVALID";
    text = id->ToString();
  }
  absl::c_sort(record.ids);
  record.ids.erase(std::unique(record.ids.begin(), record.ids.end()), record.ids.end());
  record.observed = absl::FromUnixMicros(absl::ToUnixMicros(record.observed));
  for (std::string* note :
       {&record.appid, &record.request_id, &record.obtained_by, &record.consent_ref}) {
    NormaliseNote(*note);
  }
  return "";
}

absl::StatusOr<Linker::Result> Linker::Link(const Project& project, std::vector<Evidence> records,
                                            Deadline deadline) {
  const absl::StatusOr<Versions> versions = store_.ReadVersions(project, deadline);
  if (!versions.ok()) return versions.status();
  Result result;
  // Known facts were committed before.
  result.version = versions->graph;
  std::vector<Evidence> fresh;
  std::vector<FactKey> keys;
  std::vector<size_t> places;
  for (size_t i = 0; i < records.size(); ++i) {
    std::string reason = Normalise(records[i]);
    if (!reason.empty()) {
      result.rejected.push_back({i, std::move(reason)});
      continue;
    }
    const FactKey key = KnownKey(project.number, records[i]);
    if (known_.Contains(key, versions->decisions, records[i].observed)) {
      ++result.known;
      ++result.remembered;
      continue;
    }
    keys.push_back(key);
    places.push_back(i);
    fresh.push_back(std::move(records[i]));
  }
  if (!fresh.empty()) {
    const absl::StatusOr<LinkOutcome> outcome = store_.Link(project, fresh, deadline);
    if (!outcome.ok()) return outcome.status();
    result.version = outcome->version;
    result.recorded = outcome->recorded;
    result.parked = outcome->parked;
    std::vector<bool> uncertain(fresh.size(), false);  // not to be remembered
    for (const size_t i : outcome->collided) {
      uncertain[i] = true;
      result.rejected.push_back({places[i], "NODE_COLLISION"});
    }
    for (const size_t i : outcome->erased) uncertain[i] = true;
    for (const size_t i : outcome->decided) uncertain[i] = true;
    result.erased = static_cast<int>(outcome->erased.size());
    for (size_t i = 0; i < fresh.size(); ++i) {
      if (!uncertain[i]) known_.Add(keys[i], versions->decisions, fresh[i].observed);
    }
    result.known += static_cast<int>(fresh.size() - outcome->collided.size()) - outcome->recorded -
                    result.erased;
  }
  metrics_.KnownRecords(result.known);
  return result;
}

}  // namespace datong::identity
