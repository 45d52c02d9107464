// SPDX-License-Identifier: Apache-2.0
// A machine that multiplies, as numbers: how many products a cycle at which bits, how much it keeps
// on chip, how fast the rest arrives. Machines are TOML files (hw/*.toml, docs/hardware.md); `read`
// checks every key. What a network costs on one is in cost.h.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pact/base/result.h"

namespace pact::hardware {

/// Bits of a layer's weights and of the activations that it reads; kFloatBits: floats.
struct Bits {
  int weights = 8;
  int activations = 8;
  bool operator==(const Bits&) const = default;
};

inline constexpr int kFloatBits = 32;

/// "4" where both are the same, else "4/8": weights, activations.
std::string name(const Bits& bits);

/// How the time of a product depends on its bits.
/// Parallel: by the rows of `precisions`. BitSerialActivations: one cycle a bit of the activation
/// (Stripes, MICRO 2016). BitSerial: one cycle a pair of bits (Loom, arXiv 1706.07853). Composable:
/// bricks of a few bits join to wider products (Bit Fusion, ISCA 2018).
enum class Arithmetic { Parallel, BitSerialActivations, BitSerial, Composable };

/// What the inputs of the array are, out of what a filter sees: the channels of one pixel, one row
/// of the filter, or all of it.
enum class Reduction { Channels, Row, Filter };

/// Which weights stay on chip from one image to the next: in layer order until the memory is full;
/// those of the layers with most bytes per MAC first; all if all fit, else none (what a cache that
/// throws away the oldest does with weights that are read in turn).
enum class Residency { LayerOrder, BytesPerMac, AllOrNothing };

/// Whether weights and values come while others are multiplied (as double buffers and prefetching
/// have it), or before.
enum class Overlap { Full, None };

template <typename Enum>
using NameTable = std::pair<std::string_view, Enum>;
inline constexpr std::array kArithmeticNames{
    NameTable<Arithmetic>{"parallel", Arithmetic::Parallel},
    NameTable<Arithmetic>{"bit-serial-activations", Arithmetic::BitSerialActivations},
    NameTable<Arithmetic>{"bit-serial", Arithmetic::BitSerial},
    NameTable<Arithmetic>{"composable", Arithmetic::Composable}};
inline constexpr std::array kReductionNames{NameTable<Reduction>{"channels", Reduction::Channels},
                                            NameTable<Reduction>{"row", Reduction::Row},
                                            NameTable<Reduction>{"filter", Reduction::Filter}};
inline constexpr std::array kResidencyNames{
    NameTable<Residency>{"layer-order", Residency::LayerOrder},
    NameTable<Residency>{"bytes-per-mac", Residency::BytesPerMac},
    NameTable<Residency>{"all-or-nothing", Residency::AllOrNothing}};
inline constexpr std::array kOverlapNames{NameTable<Overlap>{"full", Overlap::Full},
                                          NameTable<Overlap>{"none", Overlap::None}};

/// Products of one core that are taken at once; what a layer leaves over at the edges is idle.
struct Array {
  std::int64_t inputs = 1;   // summed into one output
  std::int64_t outputs = 1;  // channels
  std::int64_t pixels = 1;   // of the output
  Reduction reduction = Reduction::Channels;

  std::int64_t size() const { return inputs * outputs * pixels; }
};

/// What Arithmetic::Parallel does with layers of up to these bits.
struct Precision {
  Bits bits;
  double cores = 1;
  double macs_per_cycle = 1;           // of one core
  std::int64_t winograd_channels = 0;  // 3x3 layers of stride 1 and of that many channels or more
                                       // run by F(2x2, 3x3); 0: none does
  double winograd_gain = 1;            // how much faster they are, 1 to 2.25
};

struct Memory {
  double weight_bytes = 0;      // on chip, for weights
  double activation_bytes = 0;  // on chip, for the input and output of a layer
  double bytes_per_second = 0;  // of everything else
  Residency residency = Residency::LayerOrder;
  Overlap overlap = Overlap::Full;
  std::vector<int> weight_widths;         // bits that a weight may be stored in; empty: its own
  std::vector<int> linear_weight_widths;  // the same of fully connected layers; empty: as above
  std::vector<int> activation_widths;     // the same of activations
};

/// Picojoules at 45 nm (Horowitz, ISSCC 2014, in the fit of QKeras, config_public.py).
struct Energy {
  double multiply_bit2 = 0.002994791667;  // of w x a bits: bit2 * w * a + bit * (w + a) / 2
  double multiply_bit = 0.001041666667;
  double add_bit = 0.003125;  // of each bit of the accumulator
  int accumulator_bits = 32;
  double on_chip_bit = 0;  // of each bit moved
  double off_chip_bit = 20.3125;
};

/// Picojoules for each bit that moves in or out of an on-chip memory of so many bytes: the cubic of
/// QKeras in log2(bits), through Horowitz's 8 KiB, 32 KiB and 1 MiB. Smaller and larger memories
/// are taken as those (larger ones as banks of 1 MiB).
double on_chip_picojoules(double bytes);

/// A number that someone published for this machine, to show beside ours.
struct Published {
  std::vector<std::string> networks;
  Bits bits;
  double bytes_per_second = 0;
  double images_per_second = 0;
};

struct Machine {
  std::string name;
  std::string source;
  double clock_hz = 1;
  Array array;
  Arithmetic arithmetic = Arithmetic::Parallel;
  std::vector<Precision> precisions;  // Parallel, narrow ones first
  double cores = 1;                   // all but Parallel
  int widest_bits = 16;               // all but Parallel: of a weight or an activation
  int brick_bits = 2;                 // Composable
  int bricks = 16;                    // Composable: of one element of the array
  double outputs_per_second = std::numeric_limits<double>::infinity();  // requantized, when that
                                                                        // keeps the array waiting
  Memory memory;
  Energy energy;
  std::vector<Published> published;
};

/// The machine that the text says; `where` is its name in errors. Errors: where, line, key, what
/// was expected, what was found; for numbers that are no number, outside their range, of another
/// unit (text), keys that are missing or unknown.
Result<Machine> parse_machine(std::string_view text, std::string_view where);

/// The same from a file.
Result<Machine> read_machine(const std::filesystem::path& path);

}  // namespace pact::hardware
