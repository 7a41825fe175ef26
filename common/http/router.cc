#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/http/server.h"

namespace datong::http {
namespace {

bool IsParameter(absl::string_view part) {
  return part.size() > 2 && part.front() == '{' && part.back() == '}';
}

std::vector<absl::string_view> Split(absl::string_view path) {
  return absl::StrSplit(path.substr(path.empty() || path.front() != '/' ? 0 : 1), '/');
}

bool Matches(const std::vector<std::string>& parts, const std::vector<absl::string_view>& path,
             const std::vector<std::string>& decoded) {
  for (size_t i = 0; i < parts.size(); ++i) {
    if (parts[i] == "*") return true;
    if (i >= path.size()) return false;
    if (IsParameter(parts[i]) ? path[i].empty() : parts[i] != decoded[i]) return false;
  }
  return parts.size() == path.size();
}

// 0 a literal, 1 "{name}", 2 "*": the smaller, the more specific.
int Looseness(const std::vector<std::string>& parts, size_t i) {
  if (i >= parts.size()) return 0;
  return parts[i] == "*" ? 2 : IsParameter(parts[i]) ? 1 : 0;
}

bool IsMoreSpecific(const Router::Route& a, const Router::Route& b) {
  for (size_t i = 0; i < std::max(a.parts.size(), b.parts.size()); ++i) {
    if (Looseness(a.parts, i) != Looseness(b.parts, i)) {
      return Looseness(a.parts, i) < Looseness(b.parts, i);
    }
  }
  return b.method.empty() && !a.method.empty();
}

}  // namespace

void Router::Handle(std::string method, std::string pattern, RouteOptions options,
                    Handler handler) {
  Route route{std::move(method), {}, std::move(options), std::move(handler)};
  for (const absl::string_view part : Split(pattern)) route.parts.emplace_back(part);
  routes_.push_back(std::move(route));
}

const Router::Route* Router::Find(absl::string_view method, absl::string_view path,
                                  std::map<std::string, std::string>* params,
                                  std::string* allowed) const {
  const std::vector<absl::string_view> parts = Split(path);
  std::vector<std::string> decoded;
  decoded.reserve(parts.size());
  for (const absl::string_view part : parts) decoded.push_back(UrlDecode(part, false));

  const Route* best = nullptr;
  std::set<std::string> methods;
  for (const Route& route : routes_) {
    if (!Matches(route.parts, parts, decoded)) continue;
    if (!route.method.empty()) methods.insert(route.method);
    const bool takes_method = route.method.empty() || method == route.method ||
                              (method == "HEAD" && route.method == "GET");
    if (!takes_method) continue;
    if (best == nullptr || IsMoreSpecific(route, *best)) best = &route;
  }
  if (best == nullptr) {
    *allowed = absl::StrJoin(methods, ", ");
    return nullptr;
  }
  for (size_t i = 0; i < best->parts.size(); ++i) {
    const std::string& part = best->parts[i];
    if (part == "*") {
      (*params)["*"] = absl::StrJoin(decoded.begin() + static_cast<int64_t>(i), decoded.end(), "/");
    } else if (IsParameter(part)) {
      (*params)[part.substr(1, part.size() - 2)] = decoded[i];
    }
  }
  return best;
}

}  // namespace datong::http
