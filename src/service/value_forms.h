// The forms of values in documents. Each check returns what is accepted, or an empty text if the
// value is accepted.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace httpteleport::service {

// Of a service or a backend: a part of a path of the admin API that is no word of the API itself,
// in UTF-8 and without control characters.
std::string wrong_name(std::string_view name);

// The path, if `address` is that of a unix socket: of the network unix all are, with or without
// unix: in front; of others those that begin with unix: or with '/'.
std::optional<std::string_view> unix_path_of(std::string_view address, std::string_view network);

enum class AddressUse { kListen, kConnect };
// host:port, with port 0 for listening only, or, of unix, http, https, teleport and teleports, the
// path of a unix socket. The host is an IP address of the network's family, or a name, and may be
// empty for listening.
std::string wrong_address(std::string_view address, std::string_view network, AddressUse use);

// Where a check of a backend on `network` connects to: host:port, or the path of a unix socket.
std::string wrong_check_address(std::string_view address, std::string_view network);

// host, host/path, *.host, *.
std::string wrong_virtual_host(std::string_view host);

// http(s)://HOST..., file:/PATH, text:TEXT: what fetch::problem_of_source() takes, and of it no
// text that is longer than a page may be.
std::string wrong_error_page(std::string_view page);

// RR LC least-loaded p2c ewma hash:FIELD.
std::string wrong_balance(std::string_view balance);

// auto v2 v0, or empty.
std::string wrong_link_protocol(std::string_view text);

// auto none zstd zstd:1 to zstd:19 zstd:auto flate flate:1 to flate:9 snappy, or empty; of these
// what a link of that `protocol` can have.
std::string wrong_compression(std::string_view text, std::string_view protocol);

// A name of a host or an IP address.
bool is_host(std::string_view text);
// The same, or with a port: what a Host field may say.
bool is_host_and_port(std::string_view text);
// A path as it stands in a request, with a query or without (RFC 9112 section 3.2.1).
bool is_origin_form(std::string_view text);

// Bytes that end a line or a text somewhere else.
bool has_control_character(std::string_view text);

// At most so many bytes of it, without the part of a character at the end.
std::string_view cut_text(std::string_view text, size_t bytes_max);

// In quotation marks, at most 100 bytes of it.
std::string quoted_value(std::string_view text);

// As it is, but quoted if it would break a line; at most 100 bytes of it.
std::string shown_name(std::string_view name);

}  // namespace httpteleport::service
