#include "services/identity/core/person_cache.h"

#include <utility>

#include "absl/hash/hash.h"
#include "common/identifier/identifier.h"

namespace datong::identity {

PersonCache::Key PersonCache::KeyOf(int32_t project_number, absl::string_view identifier) {
  return {NodeOf(project_number, identifier), absl::HashOf(identifier)};
}

PersonCache::Found PersonCache::Find(int32_t project_number, absl::Span<const Key> keys) const {
  Found found;
  found.persons.assign(keys.size(), 0);
  MutexLock lock(&mutex_);
  const auto project = projects_.find(project_number);
  if (project == projects_.end()) return found;
  const auto& [epoch, version, young, old] = project->second;
  found.epoch = epoch;
  found.version = version;
  found.empty = young.empty() && old.empty();
  for (size_t i = 0; i < keys.size(); ++i) {
    for (const Persons* persons : {&young, &old}) {
      const auto held = persons->find(keys[i].node);
      if (held == persons->end() || held->second.check != keys[i].check) continue;
      found.persons[i] = held->second.person;
      break;
    }
  }
  return found;
}

void PersonCache::Tell(int32_t project_number, const News& news) {
  MutexLock lock(&mutex_);
  Project& project = projects_[project_number];
  const bool empty = project.young.empty() && project.old.empty();
  const bool follows = project.epoch == news.epoch && project.version == news.since;
  if (!news.complete || project.epoch != news.epoch || news.version < news.since) {
    project = {news.epoch, news.version, {}, {}};
  } else if (empty) {
    project.version = news.version;
  } else if (follows) {
    for (const News::Change& change : news.changes) {
      for (Persons* persons : {&project.young, &project.old}) {
        const auto held = persons->find(change.node);
        if (held != persons->end()) held->second.person = change.person;
      }
    }
    project.version = news.version;
  }
  // Another caller may have been here with a later version.
  if (project.version != news.version) return;
  for (const News::Fresh& fresh : news.fresh) {
    project.young[fresh.key.node] = {fresh.key.check, fresh.person};
  }
  if (project.young.size() * 2 < capacity_) return;
  project.old = std::move(project.young);
  project.young.clear();
}

}  // namespace datong::identity
