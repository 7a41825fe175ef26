#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "common/base/mutex.h"

namespace datong::identity {

// Whose identifiers are, as of one version of each project's graph. Whoever asks reads what changed
// since that version along with what is missing, in one look at the database, and tells it here: so
// an answer from memory is as true as one of the database, with any number of replicas. Holds no
// identifier. Bounded: it forgets the older half when full. Thread-safe.
class PersonCache {
 public:
  explicit PersonCache(size_t capacity) : capacity_(capacity) {}

  struct Key {
    int64_t node = 0;
    uint64_t check = 0;  // another hash: two identifiers may have one node
  };
  static Key KeyOf(int32_t project_number, absl::string_view identifier);

  // What is remembered of a project.
  struct Found {
    std::string epoch;  // of the database
    int64_t version = 0;
    bool empty = true;              // and so of no version
    std::vector<uint32_t> persons;  // by key; 0 when it is not remembered
  };
  Found Find(int32_t project_number, absl::Span<const Key> keys) const;

  // What a look at the database found.
  struct News {
    std::string epoch;
    int64_t since = 0;
    int64_t version = 0;
    bool complete = true;  // else there are more changes, or one that nobody can follow
    struct Change {
      int64_t node = 0;
      uint32_t person = 0;
    };
    std::vector<Change> changes;  // in the order of their versions
    struct Fresh {
      Key key;
      uint32_t person = 0;
    };
    std::vector<Fresh> fresh;  // as of `version`
  };
  void Tell(int32_t project_number, const News& news);

 private:
  struct Held {
    uint64_t check = 0;
    uint32_t person = 0;
  };
  using Persons = absl::flat_hash_map<int64_t, Held>;
  struct Project {
    std::string epoch;
    int64_t version = 0;
    Persons young;
    Persons old;
  };

  const size_t capacity_;  // of each project
  mutable Mutex mutex_;
  absl::flat_hash_map<int32_t, Project> projects_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace datong::identity
