#pragma once

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

// Returns from the enclosing function when `expr`, an absl::Status, is not OK.
#define DATONG_RETURN_IF_ERROR(expr)               \
  do {                                             \
    absl::Status datong_status = (expr);           \
    if (!datong_status.ok()) return datong_status; \
  } while (false)

#define DATONG_CONCAT_INNER(a, b) a##b
#define DATONG_CONCAT(a, b) DATONG_CONCAT_INNER(a, b)

// Declares or assigns `lhs` from `expr`, an absl::StatusOr, or returns its status.
#define DATONG_ASSIGN_OR_RETURN(lhs, expr) \
  DATONG_ASSIGN_OR_RETURN_INNER(DATONG_CONCAT(datong_result_, __LINE__), lhs, expr)
#define DATONG_ASSIGN_OR_RETURN_INNER(result, lhs, expr) \
  auto result = (expr);                                  \
  if (!result.ok()) return std::move(result).status();   \
  lhs = *std::move(result)
