#include "services/ingest/core/attribution.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/identifier/identifier.h"
#include "services/ingest/core/event_id.h"
#include "services/ingest/core/flags.h"

namespace datong::ingest {
namespace {

constexpr size_t kLongestIdentifier = 256;

// Identity refuses what is too long or holds control bytes; such ids still have a node.
bool IdentityTakes(const std::string& id) {
  return id.size() <= kLongestIdentifier && std::none_of(id.begin(), id.end(), [](char c) {
           return absl::ascii_iscntrl(static_cast<unsigned char>(c));
         });
}

void AddEvidence(const Source& source, const char* kind, std::vector<std::string> ids,
                 EventRow* row) {
  ids.erase(std::remove_if(ids.begin(), ids.end(),
                           [](const std::string& id) { return id.empty() || !IdentityTakes(id); }),
            ids.end());
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  if (ids.empty()) return;
  EvidenceItem item;
  item.kind = kind;
  item.key = CacheKey(source.tenant_id, kind, ids);
  item.ids = std::move(ids);
  row->evidence.push_back(std::move(item));
}

bool IsLogin(const std::string& id) { return absl::StartsWith(id, "login:"); }

}  // namespace

std::string MakeIdentifier(absl::string_view kind, absl::string_view scope,
                           absl::string_view value) {
  value = absl::StripAsciiWhitespace(value);
  if (scope.empty() || value.empty()) return "";
  return absl::StrCat(kind, ":", scope, ":", value);
}

void AttributeSdkEvent(const Source& source, const std::vector<std::string>& other_devices,
                       EventRow* row) {
  if (source.trusted()) row->flags |= kTrustServer;
  // The ids of another app are not this app's.
  const bool mini_program = row->platform == "MinP";
  const bool foreign = mini_program && !source.app.empty() && row->domain != source.app;
  if (foreign) row->flags |= kDomainMismatch;
  const bool scoped = !source.app.empty() && !foreign;

  std::string device;
  std::string openid;
  if (source.device_id_is_openid && scoped) {
    openid = MakeIdentifier("openid", source.app, row->device_id);
  } else {
    device = MakeIdentifier("device", source.device_scope, row->device_id);
  }
  const std::string login = MakeIdentifier("login", source.LoginSpace(row->user_key), row->user_id);

  const bool login_first = source.trusted() || source.attribute_by == AttributeBy::kLoginThenDevice;
  const std::string& visitor = openid.empty() ? device : openid;
  const std::string& owner = (login_first && !login.empty()) || visitor.empty() ? login : visitor;
  row->node = NodeOf(source.tenant_id, owner);

  std::vector<std::string> ids = {visitor, login};
  if (!row->openid.empty() || !row->unionid.empty()) {
    if (scoped) {
      ids.push_back(MakeIdentifier("openid", source.app, row->openid));
      ids.push_back(MakeIdentifier("unionid", absl::StrCat("@", source.app), row->unionid));
    } else {
      row->flags |= kScopeUnknown;
    }
  }
  if (ids[0] != owner && ids[1] != owner) ids.push_back(owner);
  const char* kind = source.trusted() && !login.empty() ? "tenant.login" : "client.claim";
  AddEvidence(source, kind, std::move(ids), row);
  for (const std::string& other : other_devices) {
    // Segment's alias: the visitor known so far under another id is this login.
    AddEvidence(source, "client.claim",
                {MakeIdentifier("device", source.device_scope, other), login}, row);
  }
}

void AttributeNamedEvent(const Source& source, const std::string& identifier,
                         const std::vector<std::string>& others, EventRow* row) {
  row->flags |= kTrustServer;
  row->node = NodeOf(source.tenant_id, identifier);
  std::vector<std::string> ids = {identifier};
  if (source.kind == SourceKind::kPush) {
    AddEvidence(source, "tenant.import", std::move(ids), row);
    return;
  }
  ids.insert(ids.end(), others.begin(), others.end());
  const bool login = std::any_of(ids.begin(), ids.end(), IsLogin);
  AddEvidence(source, login ? "tenant.login" : "tenant.import", std::move(ids), row);
}

}  // namespace datong::ingest
