// SPDX-License-Identifier: Apache-2.0
// What a network costs on a machine: time, traffic, energy, layer by layer. Pure functions of the
// network, the machine and the bits of each layer, so a search can call them; one image at a time.
//
// The model (PACT section 6 and figure 6 are reproduced by it, docs/hardware.md):
//   compute = MACs / (peak at the layer's bits * utilisation), utilisation by what the layer leaves
//             idle at the edges of the array; plus outputs / outputs_per_second;
//   traffic = weights that are not resident, and what of the layer's input and output exceeds the
//             memory for activations;
//   time    = max(compute, traffic / bandwidth) for each layer, their sum on machines without
//             overlap; and the image is read first.
#pragma once

#include <span>
#include <vector>

#include "pact/base/result.h"
#include "pact/hardware/machine.h"
#include "pact/hardware/workload.h"

namespace pact::hardware {

/// What the time of a layer is spent on.
enum class Bound { Compute, Memory };

/// Picojoules for one image.
struct Joules {
  double arithmetic = 0;  // multiplications and additions
  double on_chip = 0;     // activations and weights read, outputs written
  double off_chip = 0;

  double sum() const { return arithmetic + on_chip + off_chip; }
};

struct LayerCost {
  Bits bits;
  double peak = 0;         // MACs a second of the whole machine at these bits
  double utilisation = 0;  // 0 to 1; above 1 where Winograd saves products
  double weight_bytes = 0;
  double resident_bytes = 0;    // of the weights
  double activation_bytes = 0;  // input and output
  double spilled_bytes = 0;     // of the activations: beyond the memory for them
  double compute_seconds = 0;
  double memory_seconds = 0;
  double seconds = 0;
  Joules energy;

  double streamed_bytes() const { return weight_bytes - resident_bytes + spilled_bytes; }
  Bound bound() const { return compute_seconds >= memory_seconds ? Bound::Compute : Bound::Memory; }
};

struct Cost {
  std::vector<LayerCost> layers;  // as the workload's
  Bits inner;                     // that most of the MACs have
  double image_seconds = 0;       // to read the image
  double image_picojoules = 0;    // the same
  double seconds = 0;             // of one image

  // The same network with less and less in the way; `seconds` is the last of the row.
  double peak_seconds = 0;       // all MACs at the peak of `inner`
  double own_peak_seconds = 0;   // each layer at the peak of its own bits
  double compute_seconds = 0;    // and its utilisation
  double streaming_seconds = 0;  // and the memory, if nothing were resident

  double images_per_second() const { return 1 / seconds; }
  /// Of the layers and the image.
  Joules energy() const;
};

/// `bits`: one for each layer. Error: bits that the machine has no multipliers for; names the
/// layer.
Result<Cost> cost(const Workload& workload, const Machine& machine, std::span<const Bits> bits);

/// How much faster `to` is than `from`, the same network at other bits; the factors multiply to
/// `total`, each being what its step adds in the row of seconds of Cost.
struct SpeedUp {
  double linear = 1;  // ratio of bits: what proportion alone would give
  double total = 1;
  double peak = 1;         // more multipliers
  double first_last = 1;   // layers that keep other bits
  double utilisation = 1;  // idle parts of the array
  double traffic = 1;      // memory, nothing resident
  double residency = 1;    // weights that stay on chip
};
SpeedUp speed_up(const Cost& from, const Cost& to);

}  // namespace pact::hardware
