#include "common/postgres/copy_writer.h"

#include <bit>
#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "common/postgres/errors.h"

namespace datong::postgres {
namespace {

// One message to the server; 64-256 KiB is the range in which the rate no longer grows.
constexpr size_t kChunkBytes = 128 * 1024;
constexpr char kSignature[] = "PGCOPY\n\377\r\n";  // with its NUL
// 2000-01-01, from which PostgreSQL counts.
constexpr int64_t kPostgresEpochMicros = 946'684'800'000'000;

template <typename T>
T BigEndian(T value) {
  if constexpr (std::endian::native == std::endian::big) return value;
  if constexpr (sizeof(T) == 2)
    return static_cast<T>(__builtin_bswap16(static_cast<uint16_t>(value)));
  if constexpr (sizeof(T) == 4)
    return static_cast<T>(__builtin_bswap32(static_cast<uint32_t>(value)));
  if constexpr (sizeof(T) == 8)
    return static_cast<T>(__builtin_bswap64(static_cast<uint64_t>(value)));
}

absl::Status ResultError(PGresult* result) {
  const char* sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  return StatusFromSqlState(sqlstate != nullptr ? sqlstate : "", PQresultErrorMessage(result));
}

}  // namespace

CopyWriter::CopyWriter(pqxx::transaction_base& work, const std::string& table_and_columns)
    : conn_(RawConnection(work.conn())) {
  PGresult* result = PQexec(
      conn_, absl::StrCat("COPY ", table_and_columns, " FROM STDIN (FORMAT binary)").c_str());
  copying_ = PQresultStatus(result) == PGRES_COPY_IN;
  if (!copying_) status_ = ResultError(result);
  PQclear(result);
  buffer_.reserve(kChunkBytes + 4096);
  Put(kSignature, sizeof kSignature);
  const char flags_and_extension[8] = {};
  Put(flags_and_extension, sizeof flags_and_extension);
}

CopyWriter::~CopyWriter() {
  if (!copying_) return;
  PQputCopyEnd(conn_, "given up by the writer");
  while (PGresult* result = PQgetResult(conn_)) PQclear(result);
}

void CopyWriter::Put(const void* bytes, size_t size) {
  buffer_.append(static_cast<const char*>(bytes), size);
  if (buffer_.size() >= kChunkBytes) Flush();
}

void CopyWriter::Flush() {
  if (status_.ok() && !buffer_.empty() &&
      PQputCopyData(conn_, buffer_.data(), static_cast<int>(buffer_.size())) != 1) {
    status_ = DatabaseUnavailable(PQerrorMessage(conn_));
  }
  buffer_.clear();
}

void CopyWriter::Header(int32_t length) {
  const int32_t wire = BigEndian(length);
  Put(&wire, sizeof wire);
}

void CopyWriter::BeginRow(int16_t columns) {
  const int16_t wire = BigEndian(columns);
  Put(&wire, sizeof wire);
}
void CopyWriter::Null() { Header(-1); }
void CopyWriter::Bool(bool value) {
  Header(1);
  const char wire = value ? 1 : 0;
  Put(&wire, 1);
}
void CopyWriter::Int16(int16_t value) {
  Header(2);
  const int16_t wire = BigEndian(value);
  Put(&wire, sizeof wire);
}
void CopyWriter::Int32(int32_t value) {
  Header(4);
  const int32_t wire = BigEndian(value);
  Put(&wire, sizeof wire);
}
void CopyWriter::Int64(int64_t value) {
  Header(8);
  const int64_t wire = BigEndian(value);
  Put(&wire, sizeof wire);
}
void CopyWriter::Double(double value) { Int64(std::bit_cast<int64_t>(value)); }
void CopyWriter::Text(absl::string_view value) { Raw(value); }
void CopyWriter::Bytes(absl::string_view value) { Raw(value); }
void CopyWriter::Timestamp(absl::Time value) {
  Int64(absl::ToUnixMicros(value) - kPostgresEpochMicros);
}
void CopyWriter::Uuid(absl::string_view sixteen_bytes) { Raw(sixteen_bytes); }
void CopyWriter::Raw(absl::string_view value) {
  Header(static_cast<int32_t>(value.size()));
  Put(value.data(), value.size());
}

absl::StatusOr<int64_t> CopyWriter::Finish() {
  if (!copying_) return status_;
  const int16_t trailer = -1;
  Put(&trailer, sizeof trailer);
  Flush();
  copying_ = false;
  if (PQputCopyEnd(conn_, status_.ok() ? nullptr : "the writer failed") != 1 && status_.ok()) {
    status_ = DatabaseUnavailable(PQerrorMessage(conn_));
  }
  int64_t rows = 0;
  while (PGresult* result = PQgetResult(conn_)) {
    if (PQresultStatus(result) == PGRES_COMMAND_OK) {
      rows = std::strtoll(PQcmdTuples(result), nullptr, 10);
    } else {
      // The server's own word is better than "the connection is gone".
      status_ = ResultError(result);
    }
    const bool bad = PQstatus(conn_) != CONNECTION_OK;
    PQclear(result);
    if (bad) break;
  }
  if (!status_.ok()) return status_;
  return rows;
}

}  // namespace datong::postgres
