#pragma once

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"

namespace datong {

// The one mutex of the suite. Fields it guards carry ABSL_GUARDED_BY, so that clang's
// -Wthread-safety proves that they are locked. Never hold one across I/O.
using Mutex = absl::Mutex;
using MutexLock = absl::MutexLock;

}  // namespace datong
