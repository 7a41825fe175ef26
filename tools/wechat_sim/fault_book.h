#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "tools/wechat_sim/model.h"

namespace datong::wechat_sim {

// What a call is, as far as faults and overrides care.
struct CallFacts {
  std::string method;
  std::string path;
  std::string appid;
  std::string begin_date;  // as in the body, with or without hyphens, or ""
  std::string end_date;
};

// Scripted faults and answers from files. Not thread-safe.
class FaultBook {
 public:
  struct Entry {
    FaultSpec spec;
    int64_t hits = 0;
  };

  int AddFault(const FaultSpec& fault);
  int AddOverride(const OverrideSpec& value);
  void RemoveFaults(int id);  // 0: all
  void RemoveOverrides() { overrides_.clear(); }

  // The first fault that fits, one of its counts taken; false when there is none.
  bool Take(const CallFacts& call, int64_t now_ms, FaultSpec* fault);
  bool TakeOverride(const CallFacts& call, OverrideSpec* value);
  const std::map<int, Entry>& faults() const { return faults_; }

 private:
  int next_id_ = 1;
  std::map<int, Entry> faults_;
  std::map<int, OverrideSpec> overrides_;
};

}  // namespace datong::wechat_sim
