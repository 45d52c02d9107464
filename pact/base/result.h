// SPDX-License-Identifier: Apache-2.0
// Result<T> carries a value or an Error; it is how everything that reads data from outside reports
// failure. The interface follows std::expected. Error messages say where, what was expected and
// what was found, in one line.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <sstream>
#include <string>
#include <utility>
#include <variant>

namespace pact {

/// What kind of failure an Error is; `exit_status` maps each to the status of the command.
enum class ErrorCode { InvalidArgument, NotFound, Corrupt, Unsupported, Io, Interrupted };

/// A failure: its kind and one line for a person.
struct Error {
  ErrorCode code;
  std::string message;
};

/// Exit status of a command that failed with `code`: 2 for arguments, 3 and up for the rest.
constexpr int exit_status(ErrorCode code) {
  return code == ErrorCode::Interrupted ? 130 : 2 + static_cast<int>(code);
}

/// Joins its arguments as text.
template <typename... Parts>
std::string text(const Parts&... parts) {
  std::ostringstream out;
  (out << ... << parts);
  return std::move(out).str();
}

/// Builds an Error from a code and the pieces of its message.
template <typename... Parts>
Error make_error(ErrorCode code, const Parts&... parts) {
  return Error{code, text(parts...)};
}

/// A value of T, or the Error that kept it from being made. Reading the absent one is a caller bug.
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  bool has_value() const { return state_.index() == 0; }
  explicit operator bool() const { return has_value(); }
  T& value() & { return std::get<0>(state_); }
  const T& value() const& { return std::get<0>(state_); }
  T&& value() && { return std::get<0>(std::move(state_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }
  const Error& error() const { return std::get<1>(state_); }

 private:
  std::variant<T, Error> state_;
};

/// Success, or an Error.
template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : state_(std::move(error)) {}

  bool has_value() const { return state_.index() == 0; }
  explicit operator bool() const { return has_value(); }
  const Error& error() const { return std::get<1>(state_); }

 private:
  std::variant<std::monostate, Error> state_;
};

using Status = Result<void>;

/// An Error thrown: used by the training side, where LibTorch throws too, by the command line, and
/// by readers of files that people write.
class Exception : public std::exception {
 public:
  explicit Exception(Error error) : error_(std::move(error)) {}
  const char* what() const noexcept override { return error_.message.c_str(); }
  const Error& error() const { return error_; }

 private:
  Error error_;
};

/// The value of `result`, or throws Exception with its Error.
template <typename T>
T value_or_throw(Result<T> result) {
  if (!result) throw Exception(result.error());
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

/// Builds an Error and throws it.
template <typename... Parts>
[[noreturn]] void throw_error(ErrorCode code, const Parts&... parts) {
  throw Exception(make_error(code, parts...));
}

}  // namespace pact

#define PACT_CONCAT_INNER(a, b) a##b
#define PACT_CONCAT(a, b) PACT_CONCAT_INNER(a, b)

/// PACT_TRY(auto x, f()): x = the value of f(), or return its Error from this function.
#define PACT_TRY(declaration, expression)                                             \
  auto PACT_CONCAT(result_, __LINE__) = (expression);                                 \
  if (!PACT_CONCAT(result_, __LINE__)) return PACT_CONCAT(result_, __LINE__).error(); \
  declaration = *std::move(PACT_CONCAT(result_, __LINE__))

/// PACT_CHECK_OK(f()): return the Error of f() from this function, if there is one.
#define PACT_CHECK_OK(expression) \
  if (auto status_ = (expression); !status_) return status_.error()

/// Aborts on a caller bug. Never used on data.
#define PACT_CHECK(condition)                                                            \
  do {                                                                                   \
    if (!(condition)) {                                                                  \
      std::fprintf(stderr, "%s:%d: check failed: %s\n", __FILE__, __LINE__, #condition); \
      std::abort();                                                                      \
    }                                                                                    \
  } while (false)
