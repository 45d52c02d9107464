// SPDX-License-Identifier: Apache-2.0
// How ONNX spells the rules of resizing; read by importer and exporter. Internal to onnx/.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <utility>

#include "pact/base/result.h"
#include "pact/numeric/resize.h"

namespace pact::onnx {

template <typename Enum, std::size_t N>
using Words = std::array<std::pair<Enum, std::string_view>, N>;

inline constexpr Words<numeric::Interpolation, 2> kModes{
    {{numeric::Interpolation::Nearest, "nearest"}, {numeric::Interpolation::Linear, "linear"}}};
inline constexpr Words<numeric::Coordinates, 4> kCoordinateModes{
    {{numeric::Coordinates::HalfPixel, "half_pixel"},
     {numeric::Coordinates::PytorchHalfPixel, "pytorch_half_pixel"},
     {numeric::Coordinates::Asymmetric, "asymmetric"},
     {numeric::Coordinates::AlignCorners, "align_corners"}}};
inline constexpr Words<numeric::NearestRounding, 4> kNearestModes{
    {{numeric::NearestRounding::PreferFloor, "round_prefer_floor"},
     {numeric::NearestRounding::PreferCeil, "round_prefer_ceil"},
     {numeric::NearestRounding::Floor, "floor"},
     {numeric::NearestRounding::Ceil, "ceil"}}};

template <typename Enum, std::size_t N>
std::string word_of(const Words<Enum, N>& words, Enum value) {
  for (const auto& [each, word] : words) {
    if (each == value) return std::string(word);
  }
  return {};
}

/// The enumerator called `word`; an unknown one is an error that lists the known ones.
template <typename Enum, std::size_t N>
Result<Enum> read_word(const Words<Enum, N>& words, std::string_view attribute,
                       const std::string& word) {
  std::string known;
  for (const auto& [each, name] : words) {
    if (name == word) return each;
    known += known.empty() ? "" : ", ";
    known += name;
  }
  return make_error(ErrorCode::Unsupported, "expected '", attribute, "' to be one of ", known,
                    ", found '", word, "'");
}

}  // namespace pact::onnx
