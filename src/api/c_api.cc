// The functions of httpteleport/c.h. A handle is the address of the C++ object itself;
// httpteleport_request and its like are never defined.
#include <algorithm>
#include <chrono>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/settings.h"
#include "httpteleport/c.h"
#include "httpteleport/client.h"
#include "httpteleport/message.h"
#include "httpteleport/options.h"
#include "httpteleport/server.h"
#include "httpteleport/status.h"

namespace httpteleport {
namespace {

static_assert(HTTPTELEPORT_OK == static_cast<int>(StatusCode::kOk));
static_assert(HTTPTELEPORT_INVALID_ARGUMENT == static_cast<int>(StatusCode::kInvalidArgument));
static_assert(HTTPTELEPORT_OVERLOADED == static_cast<int>(StatusCode::kOverloaded));
static_assert(HTTPTELEPORT_TIMEOUT == static_cast<int>(StatusCode::kTimeout));
static_assert(HTTPTELEPORT_CONNECT_FAILED == static_cast<int>(StatusCode::kConnectFailed));
static_assert(HTTPTELEPORT_NOT_SENT == static_cast<int>(StatusCode::kNotSent));
static_assert(HTTPTELEPORT_CONNECTION_LOST == static_cast<int>(StatusCode::kConnectionLost));
static_assert(HTTPTELEPORT_PROTOCOL_ERROR == static_cast<int>(StatusCode::kProtocolError));
static_assert(HTTPTELEPORT_TOO_LARGE == static_cast<int>(StatusCode::kTooLarge));
static_assert(HTTPTELEPORT_CANCELLED == static_cast<int>(StatusCode::kCancelled));
static_assert(HTTPTELEPORT_CLOSED == static_cast<int>(StatusCode::kClosed));
static_assert(HTTPTELEPORT_SYSTEM == static_cast<int>(StatusCode::kSystem));
static_assert(HTTPTELEPORT_FLATE == static_cast<int>(Compression::kFlate));
static_assert(HTTPTELEPORT_NO_COMPRESSION == static_cast<int>(Compression::kNone));
static_assert(HTTPTELEPORT_SNAPPY == static_cast<int>(Compression::kSnappy));
static_assert(HTTPTELEPORT_ZSTD == static_cast<int>(Compression::kZstd));
static_assert(HTTPTELEPORT_AUTO == static_cast<int>(Compression::kAuto));
static_assert(HTTPTELEPORT_PROTOCOL_AUTO == static_cast<int>(Protocol::kAuto));
static_assert(HTTPTELEPORT_PROTOCOL_V2 == static_cast<int>(Protocol::kV2));
static_assert(HTTPTELEPORT_PROTOCOL_V0 == static_cast<int>(Protocol::kV0));
static_assert(HTTPTELEPORT_MEMORY_NORMAL == static_cast<int>(LinkMemory::kNormal));
static_assert(HTTPTELEPORT_MEMORY_SMALL == static_cast<int>(LinkMemory::kSmall));
static_assert(HTTPTELEPORT_MEMORY_LARGE == static_cast<int>(LinkMemory::kLarge));

Request& cxx(httpteleport_request* handle) {
  return *reinterpret_cast<Request*>(handle);
}
const Request& cxx(const httpteleport_request* handle) {
  return *reinterpret_cast<const Request*>(handle);
}
Response& cxx(httpteleport_response* handle) {
  return *reinterpret_cast<Response*>(handle);
}
const Response& cxx(const httpteleport_response* handle) {
  return *reinterpret_cast<const Response*>(handle);
}
Client& cxx(httpteleport_client* handle) {
  return *reinterpret_cast<Client*>(handle);
}
const Client& cxx(const httpteleport_client* handle) {
  return *reinterpret_cast<const Client*>(handle);
}
Server& cxx(httpteleport_server* handle) {
  return *reinterpret_cast<Server*>(handle);
}
const Server& cxx(const httpteleport_server* handle) {
  return *reinterpret_cast<const Server*>(handle);
}

httpteleport_text text(std::string_view from) {
  return {from.data() == nullptr ? "" : from.data(), from.size()};
}

std::string_view bytes(const void* data, size_t size) {
  return size == 0 ? std::string_view() : std::string_view(static_cast<const char*>(data), size);
}

std::string owned(const char* text) {
  return text == nullptr ? std::string() : std::string(text);
}

void field_at(const Message& message, size_t index, httpteleport_text* name,
              httpteleport_text* value) {
  const Field field = index < message.field_count() ? message.field_at(index) : Field{};
  *name = text(field.name);
  *value = text(field.value);
}

int report(const Status& status, httpteleport_error* error) {
  const int code = static_cast<int>(status.code());
  if (error != nullptr) {
    *error = {code, status.system_errno(), status.is_retry_safe() ? 1 : 0, status.message()};
  }
  return code;
}

// Whole options from the `given` ones, which may be those of another version of the library: what
// the caller's struct lacks has its default, and what this library does not know must not be set.
template <class Options>
Status complete(const Options* given, Options& whole) {
  if (given->size < sizeof given->size) {
    return {StatusCode::kInvalidArgument, "size: the options have not been initialised"};
  }
  const size_t known = std::min(given->size, sizeof whole);
  const auto* bytes = reinterpret_cast<const unsigned char*>(given);
  if (!std::all_of(bytes + known, bytes + given->size, [](unsigned char b) { return b == 0; })) {
    return {StatusCode::kInvalidArgument,
            "size: an option is set that this library is too old for"};
  }
  std::memcpy(&whole, given, known);
  if (whole.compression < HTTPTELEPORT_FLATE || whole.compression > HTTPTELEPORT_AUTO) {
    return {StatusCode::kInvalidArgument, "compression: no such one"};
  }
  if (whole.protocol < HTTPTELEPORT_PROTOCOL_AUTO || whole.protocol > HTTPTELEPORT_PROTOCOL_V0) {
    return {StatusCode::kInvalidArgument, "protocol: no such one"};
  }
  if (whole.link_memory < HTTPTELEPORT_MEMORY_NORMAL ||
      whole.link_memory > HTTPTELEPORT_MEMORY_LARGE) {
    return {StatusCode::kInvalidArgument, "link_memory: no such one"};
  }
  return {};
}

// What both structs have of links.
template <class From, class To>
void take_link(const From& from, To& to) {
  to.compression = static_cast<Compression>(from.compression);
  to.flate_level = from.flate_level;
  to.zstd_level = from.zstd_level;
  to.protocol = static_cast<Protocol>(from.protocol);
  to.link_memory = static_cast<LinkMemory>(from.link_memory);
  to.secret_headers = httpteleport::api::names_in(owned(from.secret_headers));
}

template <class From, class To>
void show_link(const From& from, To& to) {
  static const std::string secret_headers =
      httpteleport::api::joined_names(default_secret_headers());
  to.compression = static_cast<int>(from.compression);
  to.flate_level = from.flate_level;
  to.zstd_level = from.zstd_level;
  to.protocol = static_cast<int>(from.protocol);
  to.link_memory = static_cast<int>(from.link_memory);
  to.secret_headers = secret_headers.c_str();
}

// Writes the defaults as far as the caller's struct has place for them.
template <class Options>
void init(Options& defaults, Options* options, size_t size) {
  defaults.size = size;
  std::memset(options, 0, size);
  std::memcpy(options, &defaults, std::min(size, sizeof defaults));
}

httpteleport_client_options client_defaults() {
  const ClientOptions from;
  httpteleport_client_options to{};
  to.size = sizeof to;
  show_link(from, to);
  to.batch_bytes = from.batch_bytes;
  to.max_pending = from.max_pending;
  to.connections = from.connections;
  to.threads = from.threads;
  to.max_request_head_bytes = from.max_request_head_bytes;
  to.max_response_head_bytes = from.max_response_head_bytes;
  to.max_response_body_bytes = from.max_response_body_bytes;
  to.max_batch_delay_ns = from.max_batch_delay.count();
  to.connect_timeout_ns = from.connect_timeout.count();
  to.idle_timeout_ns = from.idle_timeout.count();
  to.read_timeout_ns = from.read_timeout.count();
  to.write_timeout_ns = from.write_timeout.count();
  return to;
}

ClientOptions client_options(const httpteleport_client_options& from) {
  ClientOptions to;
  to.address = owned(from.address);
  take_link(from, to);
  to.max_batch_delay = Duration(from.max_batch_delay_ns);
  to.batch_bytes = from.batch_bytes;
  to.max_pending = from.max_pending;
  to.connections = from.connections;
  to.threads = from.threads;
  to.max_request_head_bytes = from.max_request_head_bytes;
  to.max_response_head_bytes = from.max_response_head_bytes;
  to.max_response_body_bytes = from.max_response_body_bytes;
  to.connect_timeout = Duration(from.connect_timeout_ns);
  to.idle_timeout = Duration(from.idle_timeout_ns);
  to.read_timeout = Duration(from.read_timeout_ns);
  to.write_timeout = Duration(from.write_timeout_ns);
  to.tls.enabled = from.tls != 0;
  to.tls.insecure = from.tls_insecure != 0;
  to.tls.ca_file = owned(from.tls_ca_file);
  to.tls.server_name = owned(from.tls_server_name);
  to.tls.certificate_file = owned(from.tls_certificate_file);
  to.tls.key_file = owned(from.tls_key_file);
  return to;
}

httpteleport_server_options server_defaults() {
  const ServerOptions from;
  httpteleport_server_options to{};
  to.size = sizeof to;
  show_link(from, to);
  to.pipeline_requests = from.pipeline_requests ? 1 : 0;
  to.tls_required = from.tls.required ? 1 : 0;
  to.batch_bytes = from.batch_bytes;
  to.workers = from.workers;
  to.concurrency = from.concurrency;
  to.max_request_head_bytes = from.max_request_head_bytes;
  to.max_request_body_bytes = from.max_request_body_bytes;
  to.max_response_head_bytes = from.max_response_head_bytes;
  to.max_response_body_bytes = from.max_response_body_bytes;
  to.max_batch_delay_ns = from.max_batch_delay.count();
  to.handshake_timeout_ns = from.handshake_timeout.count();
  to.read_timeout_ns = from.read_timeout.count();
  to.write_timeout_ns = from.write_timeout.count();
  return to;
}

ServerOptions server_options(const httpteleport_server_options& from) {
  ServerOptions to;
  take_link(from, to);
  to.max_batch_delay = Duration(from.max_batch_delay_ns);
  to.batch_bytes = from.batch_bytes;
  to.workers = from.workers;
  to.concurrency = from.concurrency;
  to.pipeline_requests = from.pipeline_requests != 0;
  to.max_request_head_bytes = from.max_request_head_bytes;
  to.max_request_body_bytes = from.max_request_body_bytes;
  to.max_response_head_bytes = from.max_response_head_bytes;
  to.max_response_body_bytes = from.max_response_body_bytes;
  to.handshake_timeout = Duration(from.handshake_timeout_ns);
  to.read_timeout = Duration(from.read_timeout_ns);
  to.write_timeout = Duration(from.write_timeout_ns);
  to.tls.certificate_file = owned(from.tls_certificate_file);
  to.tls.key_file = owned(from.tls_key_file);
  to.tls.client_ca_file = owned(from.tls_client_ca_file);
  to.tls.required = from.tls_required != 0;
  return to;
}

Server::Handler handler_of(httpteleport_handler handler, void* user) {
  return [handler, user](const Request& request, Response& response) {
    handler(user, reinterpret_cast<const httpteleport_request*>(&request),
            reinterpret_cast<httpteleport_response*>(&response));
  };
}

}  // namespace
}  // namespace httpteleport

namespace ht = httpteleport;

const char* httpteleport_library_version(void) {
  return ht::library_version();
}

const char* httpteleport_status_name(int status) {
  return ht::status_code_name(static_cast<ht::StatusCode>(status));
}

httpteleport_request* httpteleport_request_new(void) {
  return reinterpret_cast<httpteleport_request*>(new ht::Request());
}

void httpteleport_request_free(httpteleport_request* request) {
  delete reinterpret_cast<ht::Request*>(request);
}

void httpteleport_request_clear(httpteleport_request* request) {
  ht::cxx(request).clear();
}

void httpteleport_request_set_method(httpteleport_request* request, const char* method) {
  ht::cxx(request).set_method(method);
}

void httpteleport_request_set_target(httpteleport_request* request, const char* target) {
  ht::cxx(request).set_target(target);
}

void httpteleport_request_set_host(httpteleport_request* request, const char* host) {
  ht::cxx(request).set_host(host);
}

void httpteleport_request_add_field(httpteleport_request* request, const char* name,
                                    const char* value) {
  ht::cxx(request).add_field(name, value);
}

void httpteleport_request_set_field(httpteleport_request* request, const char* name,
                                    const char* value) {
  ht::cxx(request).set_field(name, value);
}

size_t httpteleport_request_remove_field(httpteleport_request* request, const char* name) {
  return ht::cxx(request).remove_field(name);
}

void httpteleport_request_set_body(httpteleport_request* request, const void* data, size_t size) {
  ht::cxx(request).set_body(ht::bytes(data, size));
}

httpteleport_text httpteleport_request_method(const httpteleport_request* request) {
  return ht::text(ht::cxx(request).method());
}

httpteleport_text httpteleport_request_target(const httpteleport_request* request) {
  return ht::text(ht::cxx(request).target());
}

httpteleport_text httpteleport_request_host(const httpteleport_request* request) {
  return ht::text(ht::cxx(request).host());
}

httpteleport_text httpteleport_request_body(const httpteleport_request* request) {
  return ht::text(ht::cxx(request).body());
}

httpteleport_text httpteleport_request_field(const httpteleport_request* request,
                                             const char* name) {
  return ht::text(ht::cxx(request).field(name));
}

size_t httpteleport_request_field_count(const httpteleport_request* request) {
  return ht::cxx(request).field_count();
}

void httpteleport_request_field_at(const httpteleport_request* request, size_t index,
                                   httpteleport_text* name, httpteleport_text* value) {
  ht::field_at(ht::cxx(request), index, name, value);
}

httpteleport_response* httpteleport_response_new(void) {
  return reinterpret_cast<httpteleport_response*>(new ht::Response());
}

void httpteleport_response_free(httpteleport_response* response) {
  delete reinterpret_cast<ht::Response*>(response);
}

void httpteleport_response_clear(httpteleport_response* response) {
  ht::cxx(response).clear();
}

void httpteleport_response_set_status(httpteleport_response* response, int status) {
  ht::cxx(response).set_status(status);
}

void httpteleport_response_add_field(httpteleport_response* response, const char* name,
                                     const char* value) {
  ht::cxx(response).add_field(name, value);
}

void httpteleport_response_set_field(httpteleport_response* response, const char* name,
                                     const char* value) {
  ht::cxx(response).set_field(name, value);
}

size_t httpteleport_response_remove_field(httpteleport_response* response, const char* name) {
  return ht::cxx(response).remove_field(name);
}

void httpteleport_response_set_body(httpteleport_response* response, const void* data,
                                    size_t size) {
  ht::cxx(response).set_body(ht::bytes(data, size));
}

int httpteleport_response_status(const httpteleport_response* response) {
  return ht::cxx(response).status();
}

httpteleport_text httpteleport_response_body(const httpteleport_response* response) {
  return ht::text(ht::cxx(response).body());
}

httpteleport_text httpteleport_response_field(const httpteleport_response* response,
                                              const char* name) {
  return ht::text(ht::cxx(response).field(name));
}

size_t httpteleport_response_field_count(const httpteleport_response* response) {
  return ht::cxx(response).field_count();
}

void httpteleport_response_field_at(const httpteleport_response* response, size_t index,
                                    httpteleport_text* name, httpteleport_text* value) {
  ht::field_at(ht::cxx(response), index, name, value);
}

void httpteleport_client_options_init(httpteleport_client_options* options, size_t size) {
  httpteleport_client_options defaults = ht::client_defaults();
  ht::init(defaults, options, size);
}

httpteleport_client* httpteleport_client_new(const httpteleport_client_options* options,
                                             httpteleport_error* error) {
  httpteleport_client_options whole = ht::client_defaults();
  ht::Status status = ht::complete(options, whole);
  if (status.ok()) {
    ht::StatusOr<ht::Client> made = ht::Client::create(ht::client_options(whole));
    status = made.status();
    if (made.ok()) {
      ht::report(status, error);
      return reinterpret_cast<httpteleport_client*>(new ht::Client(*std::move(made)));
    }
  }
  ht::report(status, error);
  return nullptr;
}

void httpteleport_client_free(httpteleport_client* client) {
  delete reinterpret_cast<ht::Client*>(client);
}

int httpteleport_client_call(httpteleport_client* client, const httpteleport_request* request,
                             httpteleport_response* response, int64_t timeout_ns,
                             httpteleport_error* error) {
  return ht::report(
      ht::cxx(client).call(ht::cxx(request), ht::cxx(response), ht::Duration(timeout_ns)), error);
}

int httpteleport_client_post(httpteleport_client* client, const httpteleport_request* request,
                             httpteleport_error* error) {
  return ht::report(ht::cxx(client).post(ht::cxx(request)), error);
}

size_t httpteleport_client_pending(const httpteleport_client* client) {
  return ht::cxx(client).pending();
}

void httpteleport_server_options_init(httpteleport_server_options* options, size_t size) {
  httpteleport_server_options defaults = ht::server_defaults();
  ht::init(defaults, options, size);
}

httpteleport_server* httpteleport_server_new(httpteleport_handler handler, void* user,
                                             const httpteleport_server_options* options,
                                             httpteleport_error* error) {
  httpteleport_server_options whole = ht::server_defaults();
  ht::Status status = options == nullptr ? ht::Status() : ht::complete(options, whole);
  if (status.ok()) {
    ht::StatusOr<ht::Server> made =
        ht::Server::create(ht::handler_of(handler, user), ht::server_options(whole));
    status = made.status();
    if (made.ok()) {
      ht::report(status, error);
      return reinterpret_cast<httpteleport_server*>(new ht::Server(*std::move(made)));
    }
  }
  ht::report(status, error);
  return nullptr;
}

void httpteleport_server_free(httpteleport_server* server) {
  delete reinterpret_cast<ht::Server*>(server);
}

int httpteleport_server_listen(httpteleport_server* server, const char* address,
                               httpteleport_error* error) {
  return ht::report(ht::cxx(server).listen(address), error);
}

size_t httpteleport_server_address(const httpteleport_server* server, size_t index, char* buffer,
                                   size_t size) {
  const std::vector<std::string> addresses = ht::cxx(server).addresses();
  const std::string address = index < addresses.size() ? addresses[index] : std::string();
  if (size > 0) {
    const size_t fits = std::min(address.size(), size - 1);
    std::memcpy(buffer, address.data(), fits);
    buffer[fits] = '\0';
  }
  return address.size();
}

void httpteleport_server_stop(httpteleport_server* server, int64_t drain_ns) {
  ht::cxx(server).stop(ht::Duration(drain_ns));
}

void httpteleport_server_wait(httpteleport_server* server) {
  ht::cxx(server).wait();
}
