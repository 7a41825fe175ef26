#include "services/identity/rpc/decision_convert.h"

#include "common/base/strings.h"
#include "common/identifier/identifier.h"
#include "common/status/macros.h"
#include "services/identity/core/errors.h"
#include "services/identity/rpc/convert.h"

namespace datong::identity {

absl::Status DecisionInvalid(absl::string_view problem) {
  return FieldInvalid("DECISION_INVALID", problem);
}

absl::StatusOr<std::string> ReadIdentifier(const std::string& text) {
  DATONG_ASSIGN_OR_RETURN(const Identifier parsed, Identifier::Parse(text));
  std::string identifier = parsed.ToString();
  const IdKind kind = KindOf(identifier);
  if (!IsUtf8(identifier) || kind == IdKind::kUnknown || kind == IdKind::kForbidden) {
    return FieldInvalid("IDENTIFIER_INVALID",
                        "The identifier is of no kind that a person can have");
  }
  return identifier;
}

void WriteDecision(const Decision& decision, v1::Decision* out) {
  out->set_kind(static_cast<v1::DecisionKind>(decision.kind));
  out->add_ids(decision.a);
  if (!decision.b.empty()) out->add_ids(decision.b);
  ToProto(decision.at, out->mutable_decision_time());
  out->set_actor(decision.actor);
  out->set_reason(decision.reason);
}

}  // namespace datong::identity
