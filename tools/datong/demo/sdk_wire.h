#pragma once

#include <string>
#include <vector>

#include "tools/datong/demo/cases.h"
#include "tools/datong/demo/estate.h"

namespace datong::demo {

// GrowingIO data source ids of the estate's SDK sources.
constexpr char kShopDataSource[] = "d5a0000000000001";
constexpr char kClubDataSource[] = "d5a0000000000002";
constexpr char kH5DataSource[] = "d5a0000000000003";

// The bodies that the SDK would send for a visit: one JSON array for a mini program, one event a
// request for H5.
std::vector<std::string> SdkBodies(const Visit& visit, const Person& person);

// The body of a constructed case: a device that claims an openid.
std::string ClaimBody(const CaseStep& step, absl::Time at);

}  // namespace datong::demo
