#include "config/problems.h"

#include <algorithm>

#include "http/h1/chars.h"

namespace httpteleport::config {

bool is_token(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return http::h1::is_char(c, http::h1::kTokenChar); });
}

const FlagValue* Problems::find(std::string_view flag) const {
  if (values_ == nullptr) return nullptr;
  const auto found = std::find_if(values_->begin(), values_->end(),
                                  [&](const FlagValue& value) { return value.name == flag; });
  return found == values_->end() ? nullptr : &*found;
}

bool Problems::is_given(std::string_view flag) const {
  const FlagValue* value = find(flag);
  return value != nullptr && value->origin.layer != Layer::kDefault;
}

std::string Problems::where(std::string_view flag) const {
  const FlagValue* value = find(flag);
  const bool helps = value != nullptr && (value->origin.layer == Layer::kFile ||
                                          value->origin.layer == Layer::kEnvironment);
  return helps ? " (" + value->origin.text() + ")" : "";
}

void Problems::fail(std::string_view flag, std::string_view value, std::string_view why) {
  errors_.push_back("-" + std::string(flag) + "=\"" + std::string(value) + "\"" + where(flag) +
                    ": " + std::string(why));
}

void Problems::fail(std::string_view flag, std::string_view why) {
  errors_.push_back("-" + std::string(flag) + where(flag) + ": " + std::string(why));
}

void Problems::warn(std::string_view flag, std::string_view why) {
  warnings_.push_back("-" + std::string(flag) + where(flag) + ": " + std::string(why));
}

void Problems::within(std::string_view flag, int64_t value, int64_t least, int64_t most) {
  if (value >= least && value <= most) return;
  fail(flag, std::to_string(value),
       "a number from " + std::to_string(least) + " to " + std::to_string(most) + " is accepted");
}

void Problems::not_negative(std::string_view flag, Duration value) {
  if (value >= Duration::zero()) return;
  fail(flag, format_duration(value), "a duration of 0 or more is accepted");
}

void Problems::positive(std::string_view flag, Duration value) {
  if (value > Duration::zero()) return;
  fail(flag, format_duration(value), "a duration above 0 is accepted");
}

void Problems::token_or_empty(std::string_view flag, const std::string& value) {
  if (!is_token(value)) fail(flag, value, "letters, digits and !#$%&'*+-.^_`|~ are accepted");
}

void Problems::one_of(std::string_view flag, const std::string& value,
                      const std::vector<std::string_view>& choices) {
  if (std::find(choices.begin(), choices.end(), value) != choices.end()) return;
  std::string text;
  for (size_t i = 0; i < choices.size(); ++i) {
    if (i > 0) text += i + 1 == choices.size() ? " and " : ", ";
    text += choices[i].empty() ? "nothing" : choices[i];
  }
  fail(flag, value, text + " are accepted");
}

}  // namespace httpteleport::config
