#pragma once

#include <string>

#include "services/broker/core/types.h"

namespace datong::broker {

// Numbers as in datong.broker.v1.
enum class UnionidStatus {
  kObtained = 1,
  kNotBound = 2,
  kNotFollower = 3,
  kNeedsUserinfoScope = 4,
  kSnapshot = 5,
  kNotTold = 6,
};
enum class UnionidNextWay {
  kNone = 1,
  kBindApp = 2,
  kNameAccount = 3,
  kAskUserinfo = 4,
  kFullService = 5,
  kFollow = 6,
  kDecrypt = 7,
};

// A user as a login or another way showed it, with what can be trusted about the unionid.
struct KnownUser {
  std::string openid;
  std::string unionid;
  std::string person;  // name; empty when identity did not answer in time
  UnionidStatus status = UnionidStatus::kNotTold;
  UnionidNextWay next_way = UnionidNextWay::kDecrypt;
};

// How the platform was asked: why a unionid may be missing depends on it.
enum class AskedBy { kMiniProgram, kWebBase, kWebUserinfo, kFollower, kStranger };

// Fills status and next way from the ids.
KnownUser JudgeUser(const App& app, AskedBy asked_by, std::string openid, std::string unionid);
// The virtual account of a snapshot page: nobody's ids.
KnownUser SnapshotUser();

// What a person reads.
const char* NextStepInEnglish(UnionidNextWay next_way);
const char* NextStepInChinese(UnionidNextWay next_way);

}  // namespace datong::broker
