#include "services/identity/rpc/subject.h"

#include "common/base/strings.h"
#include "common/identifier/identifier.h"
#include "common/status/macros.h"
#include "services/identity/core/errors.h"
#include "services/identity/core/person_id.h"

namespace datong::identity {

absl::StatusOr<Subject> FindSubject(GraphStore& graph, const Project& project,
                                    const v1::Subject& subject, Deadline deadline) {
  Subject meant;
  if (subject.who_case() == v1::Subject::kPerson) {
    DATONG_ASSIGN_OR_RETURN(const ParsedPersonName name, ParsePersonName(subject.person()));
    if (name.project != project.name) return PersonUnknown();
    meant.person = name.index;
  } else {
    DATONG_ASSIGN_OR_RETURN(const Identifier parsed, Identifier::Parse(subject.identifier()));
    meant.identifier = parsed.ToString();
    if (!IsUtf8(meant.identifier)) {
      return FieldInvalid("IDENTIFIER_INVALID", "The identifier is no UTF-8");
    }
    DATONG_ASSIGN_OR_RETURN(const std::vector<uint32_t> found,
                            graph.FindPersons(project, {meant.identifier}, nullptr, deadline));
    meant.person = found.front();
    if (meant.person == 0) {
      meant.identifiers = {meant.identifier};
      return meant;
    }
  }
  DATONG_ASSIGN_OR_RETURN(const std::vector<PersonView> persons,
                          graph.LoadPersons(project, {meant.person}, deadline));
  if (persons.empty()) return PersonUnknown();
  meant.person = persons.front().index;
  for (const HeldIdentifier& held : persons.front().identifiers) {
    meant.identifiers.push_back(held.identifier);
  }
  if (meant.identifier.empty()) meant.identifier = meant.identifiers.front();
  return meant;
}

absl::StatusOr<Subject> FindKnownSubject(GraphStore& graph, const Project& project,
                                         const v1::Subject& subject, Deadline deadline) {
  absl::StatusOr<Subject> meant = FindSubject(graph, project, subject, deadline);
  if (meant.ok() && meant->person == 0) return PersonUnknown();
  return meant;
}

}  // namespace datong::identity
