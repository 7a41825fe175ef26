#include "services/ingest/store/event_copy.h"

#include "services/ingest/core/json_text.h"

namespace datong::ingest {
namespace {

absl::string_view AsBytes(const EventId& id) {
  return {reinterpret_cast<const char*>(id.bytes.data()), id.bytes.size()};
}

void TextOrNull(const std::string& text, postgres::CopyWriter* copy) {
  if (text.empty()) {
    copy->Null();
  } else {
    copy->Text(text);
  }
}

void TimeOrNull(int64_t us, postgres::CopyWriter* copy) {
  if (us == 0) {
    copy->Null();
  } else {
    copy->Timestamp(absl::FromUnixMicros(us));
  }
}

// inet in its binary form: family, bits, is_cidr, length, address.
void NetOrNull(const IpNet& net, postgres::CopyWriter* copy) {
  if (net.bits == 0) return copy->Null();
  const size_t length = net.v6 ? 16 : 4;
  std::string raw;
  raw.push_back(static_cast<char>(net.v6 ? 3 : 2));
  raw.push_back(static_cast<char>(net.bits));
  raw.push_back(0);
  raw.push_back(static_cast<char>(length));
  raw.append(reinterpret_cast<const char*>(net.address.data()), length);
  copy->Raw(raw);
}

}  // namespace

const char kEventColumns[] =
    "event_id, event_time, received_at, client_time, sent_at, device_key, node, content_hash, "
    "batch_id, flags, seq, tenant_id, source_id, event_type, ua_class, provenance, event_name, "
    "device_id, user_id, user_key, session_id, openid, unionid, platform, domain, path, referrer, "
    "title, ip_net, rest";
const char kQuarantineColumns[] =
    "id, tenant_id, source_id, received_at, dialect, reason, detail, raw, whole_body, context";

void AppendEventRow(const EventRow& row, int64_t batch_id, postgres::CopyWriter* copy) {
  copy->BeginRow(30);
  copy->Uuid(AsBytes(row.event_id));
  copy->Timestamp(absl::FromUnixMicros(row.event_us));
  copy->Timestamp(absl::FromUnixMicros(row.received_us));
  TimeOrNull(row.client_us, copy);
  TimeOrNull(row.sent_us, copy);
  copy->Int64(row.device_key);
  copy->Int64(row.node);
  copy->Int64(row.content_hash);
  copy->Int64(batch_id);
  copy->Int64(static_cast<int64_t>(row.flags));
  if (row.seq.has_value()) {
    copy->Int64(*row.seq);
  } else {
    copy->Null();
  }
  copy->Int32(row.tenant_id);
  copy->Int32(row.source_id);
  copy->Int16(row.event_type);
  copy->Int16(row.ua_class);
  copy->Int16(row.provenance);
  for (const std::string* text :
       {&row.event_name, &row.device_id, &row.user_id, &row.user_key, &row.session_id, &row.openid,
        &row.unionid, &row.platform, &row.domain, &row.path, &row.referrer, &row.title}) {
    TextOrNull(*text, copy);
  }
  NetOrNull(row.ip_net, copy);
  copy->Text(row.rest);
}

void AppendQuarantineRow(const QuarantineItem& item, int64_t id, postgres::CopyWriter* copy) {
  copy->BeginRow(10);
  copy->Int64(id);
  copy->Int32(item.tenant_id);
  if (item.source_id == 0) {
    copy->Null();
  } else {
    copy->Int32(item.source_id);
  }
  copy->Timestamp(absl::FromUnixMicros(item.received_us));
  copy->Text(item.dialect);
  copy->Text(ReasonName(item.reason));
  copy->Text(item.detail);
  copy->Bytes(item.raw);
  copy->Bool(item.whole_body);
  copy->Text(item.context);
}

std::string IdsToJson(const std::vector<std::string>& ids) {
  std::string out = "[";
  for (size_t i = 0; i < ids.size(); ++i) {
    if (i > 0) out.push_back(',');
    AppendJsonString(ids[i], &out);
  }
  out.push_back(']');
  return out;
}

}  // namespace datong::ingest
