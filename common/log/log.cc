#include "common/log/log.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cmath>
#include <cstdio>
#include <deque>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "common/base/mutex.h"
#include "common/base/strings.h"
#include "common/log/redact.h"
#include "common/trace/trace.h"

#ifndef DATONG_VERSION
#define DATONG_VERSION "unknown"
#endif

namespace datong {
namespace {

constexpr size_t kMostQueuedBytes = 4 << 20;

const char* NameOf(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "debug";
    case LogLevel::kInfo:
      return "info";
    case LogLevel::kWarn:
      return "warn";
    default:
      return "error";
  }
}

void AppendJsonString(std::string& out, absl::string_view raw) {
  const std::string text = SanitizeUtf8(raw);
  out.push_back('"');
  for (const char c : text) {
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          char escaped[8];
          std::snprintf(escaped, sizeof escaped, "\\u%04x", c);
          out += escaped;
        } else {
          out.push_back(c);
        }
    }
  }
  out.push_back('"');
}

void AppendField(std::string& out, const LogField& field) {
  // An empty text says nothing.
  if (const auto* text = std::get_if<std::string>(&field.value); text != nullptr && text->empty()) {
    return;
  }
  absl::StrAppend(&out, ",");
  AppendJsonString(out, field.name);
  out.push_back(':');
  if (const auto* text = std::get_if<std::string>(&field.value)) {
    AppendJsonString(out, Redact(*text));
  } else if (const auto* number = std::get_if<int64_t>(&field.value)) {
    absl::StrAppend(&out, *number);
  } else if (const auto* real = std::get_if<double>(&field.value)) {
    if (std::isfinite(*real)) {
      absl::StrAppend(&out, *real);
    } else {
      out += "null";
    }
  } else {
    out += std::get<bool>(field.value) ? "true" : "false";
  }
}

void WriteAll(int fd, absl::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;
    bytes.remove_prefix(static_cast<size_t>(written));
  }
}

// Lines go into a bounded queue; one thread writes them. Lives until the process ends.
class Writer {
 public:
  void Start(const std::string& component, LogLevel lowest, const std::string& file) {
    MutexLock lock(&mutex_);
    component_ = component;
    lowest_.store(lowest);
    if (!file.empty()) {
      const int fd = open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
      if (fd >= 0) fd_ = fd;
    } else {
      fd_ = STDOUT_FILENO;
    }
    if (started_) return;
    started_ = true;
    std::thread([this] { Run(); }).detach();
  }

  bool Wanted(LogLevel level) const { return level >= lowest_.load(std::memory_order_relaxed); }

  void Write(LogLevel level, absl::string_view message, std::initializer_list<LogField> fields) {
    std::string line = absl::StrCat(
        "{\"ts\":\"", absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", absl::Now(), absl::UTCTimeZone()),
        "\",\"level\":\"", NameOf(level), "\",\"msg\":");
    AppendJsonString(line, message);
    MutexLock lock(&mutex_);
    line += ",\"component\":";
    AppendJsonString(line, component_);
    line += ",\"version\":\"" DATONG_VERSION "\"";
    if (const trace::SpanContext context = trace::Current(); context.valid()) {
      absl::StrAppend(&line, ",\"trace_id\":\"", context.TraceId(), "\",\"span_id\":\"",
                      context.SpanId(), "\"");
    }
    for (const LogField& field : fields) AppendField(line, field);
    line += "}\n";
    if (!started_) {
      WriteAll(STDERR_FILENO, line);
      return;
    }
    if (queued_bytes_ + line.size() > kMostQueuedBytes) {
      dropped_.fetch_add(1);
      return;
    }
    queued_bytes_ += line.size();
    lines_.push_back(std::move(line));
  }

  void Flush() {
    MutexLock lock(&mutex_);
    if (!started_) return;
    const auto is_empty = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
      return lines_.empty() && !writing_;
    };
    // Whoever reads us may have stopped to: then the lines are lost.
    mutex_.AwaitWithTimeout(absl::Condition(&is_empty), absl::Seconds(2));
  }

  int64_t dropped() const { return dropped_.load(); }

 private:
  void Run() {
    while (true) {
      std::string batch;
      int fd = STDOUT_FILENO;
      {
        MutexLock lock(&mutex_);
        writing_ = false;
        const auto has_lines = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
          return !lines_.empty();
        };
        mutex_.Await(absl::Condition(&has_lines));
        while (!lines_.empty() && batch.size() < 64 << 10) {
          batch += lines_.front();
          queued_bytes_ -= lines_.front().size();
          lines_.pop_front();
        }
        writing_ = true;
        fd = fd_;
      }
      WriteAll(fd, batch);
    }
  }

  Mutex mutex_;
  std::string component_ ABSL_GUARDED_BY(mutex_) = "datong";
  int fd_ ABSL_GUARDED_BY(mutex_) = STDOUT_FILENO;
  bool started_ ABSL_GUARDED_BY(mutex_) = false;
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  std::deque<std::string> lines_ ABSL_GUARDED_BY(mutex_);
  size_t queued_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  // Before StartLogging only what a person must see.
  std::atomic<LogLevel> lowest_{LogLevel::kWarn};
  std::atomic<int64_t> dropped_{0};
};

Writer& TheWriter() {
  static Writer* writer = new Writer;
  return *writer;
}

}  // namespace

void Log(LogLevel level, absl::string_view message, std::initializer_list<LogField> fields) {
  if (TheWriter().Wanted(level)) TheWriter().Write(level, message, fields);
}

void StartLogging(const std::string& component, LogLevel lowest, const std::string& file) {
  TheWriter().Start(component, lowest, file);
}

void FlushLogs() { TheWriter().Flush(); }

int64_t DroppedLogLines() { return TheWriter().dropped(); }

}  // namespace datong
