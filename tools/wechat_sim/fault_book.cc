#include "tools/wechat_sim/fault_book.h"

#include "absl/strings/match.h"
#include "absl/strings/str_replace.h"

namespace datong::wechat_sim {
namespace {

std::string Digits(const std::string& date) { return absl::StrReplaceAll(date, {{"-", ""}}); }

bool DateFits(const std::string& date, const CallFacts& call) {
  if (date.empty()) return true;
  const std::string day = Digits(date);
  return !call.begin_date.empty() && Digits(call.begin_date) <= day && day <= Digits(call.end_date);
}

}  // namespace

int FaultBook::AddFault(const FaultSpec& fault) {
  faults_[next_id_] = {fault, 0};
  return next_id_++;
}

int FaultBook::AddOverride(const OverrideSpec& value) {
  overrides_[next_id_] = value;
  return next_id_++;
}

void FaultBook::RemoveFaults(int id) {
  if (id == 0) {
    faults_.clear();
  } else {
    faults_.erase(id);
  }
}

bool FaultBook::Take(const CallFacts& call, int64_t now_ms, FaultSpec* fault) {
  for (auto& [id, entry] : faults_) {
    FaultSpec& spec = entry.spec;
    if (spec.count == 0 || !absl::StartsWith(call.path, spec.path)) continue;
    if (!spec.appid.empty() && spec.appid != call.appid) continue;
    if (!spec.method.empty() && spec.method != call.method) continue;
    if (spec.until_ms != 0 && now_ms >= spec.until_ms) continue;
    if (!DateFits(spec.date, call)) continue;
    if (spec.count > 0) --spec.count;
    ++entry.hits;
    *fault = spec;
    return true;
  }
  return false;
}

bool FaultBook::TakeOverride(const CallFacts& call, OverrideSpec* value) {
  for (auto& [id, spec] : overrides_) {
    if (spec.count == 0 || spec.path != call.path) continue;
    if (!spec.appid.empty() && spec.appid != call.appid) continue;
    if (!DateFits(spec.date, call)) continue;
    if (spec.count > 0) --spec.count;
    *value = spec;
    return true;
  }
  return false;
}

}  // namespace datong::wechat_sim
