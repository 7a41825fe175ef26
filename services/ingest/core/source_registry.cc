#include "services/ingest/core/source_registry.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/strings.h"
#include "common/status/macros.h"
#include "services/ingest/core/errors.h"

namespace datong::ingest {
namespace {

std::string NameKey(absl::string_view project, absl::string_view id) {
  return absl::StrCat(project, "/", id);
}

bool IsId(absl::string_view text, size_t longest) {
  return !text.empty() && text.size() <= longest &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_' ||
                  c == '.';
         });
}

// Scopes stand between the colons of identifiers.
bool IsScope(absl::string_view text) {
  return !text.empty() && text.size() <= 100 && std::none_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return c == ':' || absl::ascii_iscntrl(byte) || absl::ascii_isspace(byte);
  });
}

// What makes a repeat of CreateSource a repeat.
bool SameFields(const Source& a, const Source& b) {
  return a.kind == b.kind && a.surface == b.surface && a.app == b.app &&
         a.sdk_project == b.sdk_project && a.data_source_id == b.data_source_id &&
         a.device_scope == b.device_scope && a.login_space == b.login_space &&
         a.login_spaces == b.login_spaces && a.device_id_is_openid == b.device_id_is_openid &&
         a.attribute_by == b.attribute_by && a.origins == b.origins && a.trust == b.trust &&
         a.consent_mode == b.consent_mode && a.privacy == b.privacy && a.disabled == b.disabled;
}

}  // namespace

SourceSnapshot::SourceSnapshot(const SourceCatalogue& catalogue) : projects_(catalogue.projects) {
  for (size_t i = 0; i < projects_.size(); ++i) by_project_[projects_[i].id] = i;
  for (const Source& source : catalogue.sources) {
    auto shared = std::make_shared<const Source>(source);
    by_name_[NameKey(source.project, source.id)] = shared;
    by_write_key_[source.write_key] = shared;
    by_number_[source.number] = shared;
    if (source.kind == SourceKind::kSdk) by_sdk_project_[source.sdk_project].push_back(shared);
    sorted_.push_back(std::move(shared));
  }
  std::sort(sorted_.begin(), sorted_.end(),
            [](const SourcePtr& a, const SourcePtr& b) { return a->id < b->id; });
}

const Project* SourceSnapshot::FindProject(absl::string_view id) const {
  const auto found = by_project_.find(id);
  return found == by_project_.end() ? nullptr : &projects_[found->second];
}

SourcePtr SourceSnapshot::ByName(absl::string_view project, absl::string_view id) const {
  const auto found = by_name_.find(NameKey(project, id));
  return found == by_name_.end() ? nullptr : found->second;
}

SourcePtr SourceSnapshot::ByWriteKey(absl::string_view key) const {
  const auto found = by_write_key_.find(key);
  return found == by_write_key_.end() ? nullptr : found->second;
}

SourcePtr SourceSnapshot::ByNumber(int32_t number) const {
  const auto found = by_number_.find(number);
  return found == by_number_.end() ? nullptr : found->second;
}

std::optional<int32_t> SourceSnapshot::TenantOfSdkProject(absl::string_view sdk_project) const {
  if (const auto found = by_sdk_project_.find(sdk_project); found != by_sdk_project_.end()) {
    return found->second.front()->tenant_id;
  }
  if (const Project* project = FindProject(sdk_project)) return project->number;
  return std::nullopt;
}

SourcePtr SourceSnapshot::ForSdkEvent(absl::string_view sdk_project,
                                      absl::string_view data_source_id,
                                      absl::string_view domain) const {
  const auto found = by_sdk_project_.find(sdk_project);
  if (found == by_sdk_project_.end()) return nullptr;
  const std::vector<SourcePtr>& sources = found->second;
  if (!data_source_id.empty()) {
    for (const SourcePtr& source : sources) {
      if (source->data_source_id == data_source_id) return source;
    }
    return nullptr;
  }
  if (sources.size() == 1) return sources.front();
  SourcePtr only;
  for (const SourcePtr& source : sources) {
    if (domain.empty() || source->app != domain) continue;
    if (only != nullptr) return nullptr;
    only = source;
  }
  return only;
}

std::vector<SourcePtr> SourceSnapshot::OfProject(absl::string_view project) const {
  std::vector<SourcePtr> sources;
  for (const SourcePtr& source : sorted_) {
    if (source->project == project) sources.push_back(source);
  }
  return sources;
}

std::shared_ptr<const SourceSnapshot> SourceRegistry::Snapshot() const {
  MutexLock lock(&mutex_);
  return snapshot_;
}

bool SourceRegistry::loaded() const {
  MutexLock lock(&mutex_);
  return loaded_;
}

absl::Status SourceRegistry::Reload(Deadline deadline) {
  const auto begin = std::chrono::steady_clock::now();
  DATONG_ASSIGN_OR_RETURN(const SourceCatalogue catalogue, store_.LoadAll(deadline));
  auto snapshot = std::make_shared<const SourceSnapshot>(catalogue);
  MutexLock lock(&mutex_);
  if (begin < read_at_) return absl::OkStatus();  // a later reading was quicker
  snapshot_ = std::move(snapshot);
  read_at_ = begin;
  loaded_ = true;
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<const SourceSnapshot>> SourceRegistry::AfterMiss(Deadline deadline) {
  {
    MutexLock lock(&mutex_);
    if (loaded_ && std::chrono::steady_clock::now() - read_at_ < std::chrono::seconds(1)) {
      return snapshot_;
    }
  }
  DATONG_RETURN_IF_ERROR(Reload(deadline));
  return Snapshot();
}

absl::StatusOr<Project> SourceRegistry::GetProject(absl::string_view id, Deadline deadline) {
  std::shared_ptr<const SourceSnapshot> snapshot = Snapshot();
  if (snapshot->FindProject(id) == nullptr) {
    DATONG_ASSIGN_OR_RETURN(snapshot, AfterMiss(deadline));
  }
  const Project* project = snapshot->FindProject(id);
  if (project == nullptr) return ProjectUnknown(id);
  return *project;
}

absl::Status SourceRegistry::RegisterProject(const Project& project, Deadline deadline) {
  if (!IsId(project.id, 100)) return ProjectInvalid("the id is empty, too long or has other signs");
  if (project.number <= 0) return ProjectInvalid("the number must be above 0");
  DATONG_RETURN_IF_ERROR(store_.RegisterProject(project, deadline));
  return Reload(deadline);
}

absl::StatusOr<Source> SourceRegistry::Complete(Source source, Deadline deadline) {
  DATONG_ASSIGN_OR_RETURN(const Project project, GetProject(source.project, deadline));
  source.tenant_id = project.number;
  if (!IsId(source.id, 63)) {
    return SourceInvalid("name", "1 to 63 letters, digits, '-', '_' and '.' behind sources/");
  }
  if (source.display_name.empty()) source.display_name = source.id;
  if (source.surface.empty()) source.surface = source.app.empty() ? source.id : source.app;
  if (source.device_scope.empty()) {
    source.device_scope = source.app.empty() ? source.surface : source.app;
  }
  if (source.login_space.empty()) source.login_space = "main";
  if (source.sdk_project.empty()) source.sdk_project = source.project;
  if (!source.app.empty() && !IsId(source.app, 64)) return SourceInvalid("app", "no appid");
  if (!IsScope(source.surface))
    return SourceInvalid("surface", "at most 100 bytes, no blanks or colons");
  if (!IsScope(source.device_scope)) {
    return SourceInvalid("device_scope", "at most 100 bytes, no blanks or colons");
  }
  if (!IsScope(source.login_space)) {
    return SourceInvalid("login_space", "at most 100 bytes, no blanks or colons");
  }
  for (const auto& [key, space] : source.login_spaces) {
    if (!IsScope(space))
      return SourceInvalid("login_spaces", "at most 100 bytes, no blanks or colons");
  }
  if (source.write_key.size() > 200) return SourceInvalid("write_key", "at most 200 bytes");
  if (source.data_source_id.size() > 200) {
    return SourceInvalid("data_source_id", "at most 200 bytes");
  }
  if (source.device_id_is_openid && source.app.empty()) {
    return SourceInvalid("device_id_is_openid", "needs app, the scope of its openids");
  }
  for (const std::string& origin : source.origins) {
    if (!absl::StartsWith(origin, "http://") && !absl::StartsWith(origin, "https://")) {
      return SourceInvalid("origins", "an origin begins with http:// or https://");
    }
  }
  for (const auto* names : {&source.privacy.dropped_parameters, &source.privacy.kept_parameters,
                            &source.privacy.hashed_fields}) {
    const bool fine = names->size() <= 100 &&
                      std::all_of(names->begin(), names->end(), [](const std::string& name) {
                        return !name.empty() && name.size() <= 100;
                      });
    if (!fine) return SourceInvalid("privacy", "at most 100 names of 1 to 100 bytes in each list");
  }
  for (const std::string& name : source.privacy.hashed_fields) {
    if (IsStructuralField(name)) {
      return SourceInvalid("privacy.hashed_fields",
                           absl::StrCat("\"", name, "\" is what events are read by"));
    }
  }
  if (!source.privacy.hashed_fields.empty() && !privacy_.CanHash()) return HashKeyMissing();
  // Nobody collects under the name of another project.
  const std::optional<int32_t> collecting = Snapshot()->TenantOfSdkProject(source.sdk_project);
  if (collecting.has_value() && *collecting != source.tenant_id) {
    return SourceInvalid("sdk_project", "another project collects under it");
  }
  return source;
}

absl::StatusOr<SourcePtr> SourceRegistry::Create(Source source, Deadline deadline) {
  DATONG_ASSIGN_OR_RETURN(Source complete, Complete(std::move(source), deadline));
  const bool given_key = !complete.write_key.empty();
  if (!given_key) complete.write_key = RandomHex(16);
  complete.create_time = complete.update_time = clock_.Now();
  absl::StatusOr<Source> stored = store_.Insert(complete, deadline);
  DATONG_RETURN_IF_ERROR(Reload(deadline));
  if (GetReason(stored.status()) == "SOURCE_EXISTS") {
    SourcePtr there = Snapshot()->ByName(complete.project, complete.id);
    const bool same = there != nullptr && SameFields(*there, complete) &&
                      (!given_key || there->write_key == complete.write_key);
    if (same) return there;
  }
  if (!stored.ok()) return stored.status();
  return std::make_shared<const Source>(*std::move(stored));
}

absl::StatusOr<SourcePtr> SourceRegistry::Get(absl::string_view project, absl::string_view id,
                                              Deadline deadline) {
  if (SourcePtr source = Snapshot()->ByName(project, id)) return source;
  DATONG_ASSIGN_OR_RETURN(const auto snapshot, AfterMiss(deadline));
  if (SourcePtr source = snapshot->ByName(project, id)) return source;
  return SourceUnknown(absl::StrCat("projects/", project, "/sources/", id));
}

absl::StatusOr<SourcePtr> SourceRegistry::Update(Source source, Deadline deadline) {
  DATONG_ASSIGN_OR_RETURN(const SourcePtr there, Get(source.project, source.id, deadline));
  source.kind = there->kind;
  if (source.write_key.empty()) source.write_key = there->write_key;
  DATONG_ASSIGN_OR_RETURN(Source complete, Complete(std::move(source), deadline));
  complete.number = there->number;
  complete.create_time = there->create_time;
  complete.update_time = clock_.Now();
  DATONG_ASSIGN_OR_RETURN(Source stored, store_.Update(complete, deadline));
  DATONG_RETURN_IF_ERROR(Reload(deadline));
  return std::make_shared<const Source>(std::move(stored));
}

absl::StatusOr<SourcePtr> SourceRegistry::EnsurePush(const std::string& project,
                                                     const std::string& app,
                                                     const std::string& surface,
                                                     const std::string& display_name,
                                                     Deadline deadline) {
  if (app.empty()) return SourceInvalid("app", "is required");
  const std::string id = absl::StrCat("push-", app);
  DATONG_RETURN_IF_ERROR(GetProject(project, deadline).status());
  if (SourcePtr there = Snapshot()->ByName(project, id)) return there;
  Source source;
  source.project = project;
  source.id = id;
  source.display_name = display_name;
  source.kind = SourceKind::kPush;
  source.trust = Trust::kServer;
  source.app = app;
  source.surface = surface;
  for (const SourcePtr& other : Snapshot()->OfProject(project)) {
    if (source.surface.empty() && other->kind == SourceKind::kSdk && other->app == app &&
        other->device_scope == app) {
      source.surface = other->surface;
    }
  }
  absl::StatusOr<SourcePtr> created = Create(std::move(source), deadline);
  if (GetReason(created.status()) == "SOURCE_EXISTS") return Get(project, id, deadline);
  return created;
}

}  // namespace datong::ingest
