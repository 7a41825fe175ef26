#pragma once

#include <pqxx/pqxx>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/base/secret.h"
#include "common/crypto/envelope.h"

namespace datong::broker {

// Seals values for one column of one row, and opens them. An empty secret is NULL in the database.
// Thread-safe.
class Sealer {
 public:
  explicit Sealer(const crypto::Envelope& envelope) : envelope_(envelope) {}

  // "" for an empty secret.
  absl::StatusOr<std::string> Seal(const Secret& value, const char* column,
                                   const std::string& record) const {
    if (value.empty()) return std::string();
    return envelope_.Seal(value, Context(column, record));
  }
  absl::StatusOr<Secret> Open(const pqxx::field& field, const char* column,
                              const std::string& record) const {
    if (field.is_null()) return Secret();
    return Open(pqxx::binarystring(field).str(), column, record);
  }
  absl::StatusOr<Secret> Open(const std::string& sealed, const char* column,
                              const std::string& record) const {
    if (sealed.empty()) return Secret();
    return envelope_.Open(sealed, Context(column, record));
  }

 private:
  static crypto::SealContext Context(const char* column, const std::string& record) {
    crypto::SealContext context;
    context.kind = "broker";
    context.column = column;
    context.record_id = record;
    return context;
  }
  const crypto::Envelope& envelope_;
};

// Times travel as whole microseconds: kFromMicros in SQL takes one, kMicros gives one.
inline int64_t ToMicros(absl::Time time) { return absl::ToUnixMicros(time); }
inline absl::Time FromMicros(const pqxx::field& field) {
  return absl::FromUnixMicros(field.as<int64_t>());
}

}  // namespace datong::broker
