#pragma once

#include <cstddef>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"

namespace datong::ingest {

// Remembers keys for a while in bounded memory: two generations, the older of which is dropped when
// the newer is full or old enough. Not thread-safe.
template <typename Key, typename Value>
class SeenSet {
 public:
  SeenSet(size_t per_generation, absl::Duration age) : capacity_(per_generation), age_(age) {}

  // nullptr when it is not remembered.
  const Value* Find(const Key& key) const {
    if (const auto found = young_.find(key); found != young_.end()) return &found->second;
    if (const auto found = old_.find(key); found != old_.end()) return &found->second;
    return nullptr;
  }
  void Add(const Key& key, Value value, absl::Time now) {
    if (young_.size() >= capacity_ || now - born_ > age_ || now < born_) {
      old_ = std::exchange(young_, {});
      born_ = now;
    }
    young_.insert_or_assign(key, std::move(value));
  }

 private:
  const size_t capacity_;
  const absl::Duration age_;
  absl::Time born_ = absl::InfinitePast();
  absl::flat_hash_map<Key, Value> young_;
  absl::flat_hash_map<Key, Value> old_;
};

}  // namespace datong::ingest
