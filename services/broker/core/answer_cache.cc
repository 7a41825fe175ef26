#include "services/broker/core/answer_cache.h"

#include <iterator>

#include "absl/strings/str_cat.h"
#include "common/crypto/hash.h"

namespace datong::broker {

std::string AnswerCache::KeyOf(const std::string& appid, const ApiCall& call) {
  std::string text;
  const auto add = [&text](const std::string& part) {
    absl::StrAppend(&text, part.size(), ":", part);
  };
  add(appid);
  add(call.method);
  add(call.path);
  for (const auto& [name, value] : call.query) {
    add(name);
    add(value);
  }
  text += '|';
  add(call.json);
  return crypto::Sha256(text);
}

std::optional<ApiAnswer> AnswerCache::Find(const std::string& key, absl::Duration max_age) {
  const absl::Time now = clock_.Now();
  MutexLock lock(&mutex_);
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return std::nullopt;
  const std::list<Entry>::iterator entry = found->second;
  // A clock that was set back tells no age.
  if (now < entry->stored || now - entry->stored >= max_age) return std::nullopt;
  entries_.splice(entries_.begin(), entries_, entry);
  return entry->answer;
}

void AnswerCache::Put(const std::string& key, const ApiAnswer& answer) {
  constexpr size_t kOverhead = 200;
  const size_t size = kOverhead + key.size() + answer.json.size() + answer.errmsg.size();
  if (size > most_bytes_ / 16) return;
  const absl::Time now = clock_.Now();
  MutexLock lock(&mutex_);
  const auto held = by_key_.find(key);
  if (held != by_key_.end()) Erase(held->second);
  entries_.push_front({key, answer, now, size});
  by_key_[key] = entries_.begin();
  bytes_ += size;
  while (bytes_ > most_bytes_) Erase(std::prev(entries_.end()));
}

void AnswerCache::Erase(std::list<Entry>::iterator entry) {
  bytes_ -= entry->size;
  by_key_.erase(entry->key);
  entries_.erase(entry);
}

}  // namespace datong::broker
