// SPDX-License-Identifier: Apache-2.0
// Names of the enumerations that occur as attributes: one table each, read by printer and parser.
#pragma once

#include <array>
#include <iterator>
#include <string_view>
#include <type_traits>
#include <utility>

#include "pact/graph/operations.h"

namespace pact::graph {

template <typename Enum>
using EnumNames = std::pair<Enum, std::string_view>;

inline constexpr std::array<EnumNames<Bias>, 2> names_of(Bias) {
  return {{{Bias::Absent, "absent"}, {Bias::Present, "present"}}};
}
inline constexpr std::array<EnumNames<ImageElement>, 2> names_of(ImageElement) {
  return {{{ImageElement::Normalized, "normalized"}, {ImageElement::Pixels, "pixels"}}};
}
inline constexpr std::array<EnumNames<ActivationScheme>, 4> names_of(ActivationScheme) {
  return {{{ActivationScheme::Pact, "pact"},
           {ActivationScheme::TwoSided, "two-sided"},
           {ActivationScheme::Range, "range"},
           {ActivationScheme::Stream, "stream"}}};
}
inline constexpr std::array<EnumNames<Statistics>, 2> names_of(Statistics) {
  return {{{Statistics::Batch, "batch"}, {Statistics::Fixed, "fixed"}}};
}
inline constexpr std::array<EnumNames<AverageOver>, 2> names_of(AverageOver) {
  return {{{AverageOver::Image, "image"}, {AverageOver::Window, "window"}}};
}
inline constexpr std::array<EnumNames<numeric::Function>, 5> names_of(numeric::Function) {
  std::array<EnumNames<numeric::Function>, 5> names;
  for (std::size_t i = 0; i < names.size(); ++i) {
    names[i] = {numeric::kFunctionNames[i].function, numeric::kFunctionNames[i].name};
  }
  return names;
}
inline constexpr std::array<EnumNames<numeric::Interpolation>, 2> names_of(numeric::Interpolation) {
  std::array<EnumNames<numeric::Interpolation>, 2> names;
  for (std::size_t i = 0; i < names.size(); ++i) {
    names[i] = {numeric::kInterpolationNames[i].interpolation,
                numeric::kInterpolationNames[i].name};
  }
  return names;
}
inline constexpr std::array<EnumNames<numeric::Coordinates>, 4> names_of(numeric::Coordinates) {
  std::array<EnumNames<numeric::Coordinates>, 4> names;
  for (std::size_t i = 0; i < names.size(); ++i) {
    names[i] = {numeric::kCoordinatesNames[i].coordinates, numeric::kCoordinatesNames[i].name};
  }
  return names;
}
inline constexpr std::array<EnumNames<numeric::NearestRounding>, 4> names_of(
    numeric::NearestRounding) {
  std::array<EnumNames<numeric::NearestRounding>, 4> names;
  for (std::size_t i = 0; i < names.size(); ++i) {
    names[i] = {numeric::kNearestRoundingNames[i].rounding, numeric::kNearestRoundingNames[i].name};
  }
  return names;
}
inline constexpr std::array<EnumNames<AlphaGradient>, 2> names_of(AlphaGradient) {
  return {{{AlphaGradient::Pact, "pact"}, {AlphaGradient::PactPlus, "pact+"}}};
}
inline constexpr std::array<EnumNames<PixelTable>, 2> names_of(PixelTable) {
  return {{{PixelTable::Levels, "levels"}, {PixelTable::Floats, "floats"}}};
}
inline constexpr auto names_of(numeric::WeightScheme) {
  std::array<EnumNames<numeric::WeightScheme>, std::size(numeric::kWeightSchemeNames)> names;
  for (std::size_t i = 0; i < names.size(); ++i) {
    names[i] = {numeric::kWeightSchemeNames[i].scheme, numeric::kWeightSchemeNames[i].name};
  }
  return names;
}
inline constexpr std::array<EnumNames<numeric::Granularity>, 3> names_of(numeric::Granularity) {
  std::array<EnumNames<numeric::Granularity>, 3> names;
  for (std::size_t i = 0; i < names.size(); ++i) {
    names[i] = {numeric::kGranularityNames[i].granularity, numeric::kGranularityNames[i].name};
  }
  return names;
}

template <typename Enum>
constexpr std::string_view enum_name(Enum value) {
  for (const auto& [each, name] : names_of(value)) {
    if (each == value) return name;
  }
  return "?";
}

/// The enumerator called `text`; an unknown name is an error that lists the known ones.
template <typename Enum>
Result<Enum> parse_enum(std::string_view what, std::string_view text) {
  std::string known;
  for (const auto& [each, name] : names_of(Enum{})) {
    if (name == text) return each;
    known += known.empty() ? "" : ", ";
    known += name;
  }
  return make_error(ErrorCode::InvalidArgument, what, ": expected one of ", known, ", found '",
                    text, "'");
}

}  // namespace pact::graph
