#include "common/auth/service_grants.h"

namespace datong::auth {

const Policy& ServiceGrants() {
  static const Policy* policy = new Policy({
      {.callers = {"service:broker"},
       .permissions = {"projects.register", "identity.*", "persons.read", "persons.erase",
                       "sources.write", "events.write"},
       .projects = {"*"},
       .app_kinds = {},
       .api_paths = {}},
      {.callers = {"service:ingest"},
       .permissions = {"identity.link", "identity.feed", "consents.read"},
       .projects = {"*"},
       .app_kinds = {},
       .api_paths = {}},
      {.callers = {"service:datacube"},
       .permissions = {"projects.read", "accounts.read", "api.call", "identity.link",
                       "identity.feed", "persons.read"},
       .projects = {"*"},
       .app_kinds = {},
       .api_paths = {"*"}},
      {.callers = {"service:insight"},
       .permissions = {"projects.read", "sources.read", "identity.feed", "statistics.read"},
       .projects = {"*"},
       .app_kinds = {},
       .api_paths = {}},
      {.callers = {"service:gateway"},
       .permissions = {"pushes.write", "links.use"},
       .projects = {"*"},
       .app_kinds = {},
       .api_paths = {}},
  });
  return *policy;
}

}  // namespace datong::auth
