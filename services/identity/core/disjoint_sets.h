#pragma once

#include <cstdint>
#include <numeric>
#include <utility>
#include <vector>

namespace datong::identity {

// Union-find over 0..count-1. The smaller set goes into the larger one.
class DisjointSets {
 public:
  explicit DisjointSets(size_t count) : parent_(count), size_(count, 1) {
    std::iota(parent_.begin(), parent_.end(), 0U);
  }
  uint32_t Find(uint32_t item) {
    while (parent_[item] != item) {
      parent_[item] = parent_[parent_[item]];
      item = parent_[item];
    }
    return item;
  }
  // Joins the sets of two items; gives the root that stays and the one that is gone.
  std::pair<uint32_t, uint32_t> Join(uint32_t a, uint32_t b) {
    a = Find(a);
    b = Find(b);
    if (a == b) return {a, b};
    if (size_[a] < size_[b]) std::swap(a, b);
    parent_[b] = a;
    size_[a] += size_[b];
    return {a, b};
  }
  uint32_t SizeOf(uint32_t item) { return size_[Find(item)]; }

 private:
  std::vector<uint32_t> parent_;
  std::vector<uint32_t> size_;
};

}  // namespace datong::identity
