// SPDX-License-Identifier: Apache-2.0
// MD5 (RFC 1321), to compare files with their published sums. It does not protect against forgery.
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace pact::data {

/// The MD5 sum of `bytes` as 32 lower-case hexadecimal digits.
std::string md5(std::span<const std::byte> bytes);

}  // namespace pact::data
