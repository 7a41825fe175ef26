#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/postgres/pool.h"

namespace datong::postgres {

// Writes rows by COPY in the binary format, the fastest way in. One at a time on a transaction, on
// which nothing else runs until Finish. Not thread-safe.
//
//   CopyWriter copy(work, "ingest.events (event_id, tenant_id)");
//   for (…) { copy.BeginRow(2); copy.Uuid(id); copy.Int32(tenant); }
//   DATONG_RETURN_IF_ERROR(copy.Finish().status());
//
// The column types must be exactly the ones appended.
class CopyWriter {
 public:
  CopyWriter(pqxx::transaction_base& work, const std::string& table_and_columns);
  // Without Finish the COPY is given up, which fails the transaction.
  ~CopyWriter();
  CopyWriter(const CopyWriter&) = delete;
  CopyWriter& operator=(const CopyWriter&) = delete;

  // Each row begins with the number of its columns; then one value for each.
  void BeginRow(int16_t columns);
  void Null();
  void Bool(bool value);
  void Int16(int16_t value);
  void Int32(int32_t value);
  void Int64(int64_t value);
  void Double(double value);
  void Text(absl::string_view value);  // valid UTF-8 without NUL
  void Bytes(absl::string_view value);
  void Timestamp(absl::Time value);  // timestamptz, in microseconds
  void Uuid(absl::string_view sixteen_bytes);
  // A value in the type's own binary form, for other types.
  void Raw(absl::string_view value);

  // Sends the rest and waits for the server's verdict: the number of rows. The first error of any
  // call above is told here. Errors: as Pool::Transact.
  absl::StatusOr<int64_t> Finish();

 private:
  void Header(int32_t length);
  void Put(const void* bytes, size_t size);
  void Flush();

  PGconn* conn_;
  std::string buffer_;
  absl::Status status_;
  bool copying_ = false;
};

}  // namespace datong::postgres
