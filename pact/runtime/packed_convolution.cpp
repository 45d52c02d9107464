// SPDX-License-Identifier: Apache-2.0
// Layers on one pixel with narrow weights, which stay packed (kernels/packed_dot.h): fully
// connected ones.
#include <algorithm>
#include <limits>

#include "pact/kernels/packed_dot.h"
#include "pact/runtime/convolution.h"

namespace pact::runtime {
namespace {

class PackedConvolution final : public PanelConvolution {
 public:
  using PanelConvolution::PanelConvolution;

  // False where this way cannot go.
  bool prepare(Isa isa) {
    if (!is_fully_connected() || op_.grid.bits > kernels::kMaxFieldBits) return false;
    const std::int64_t largest = std::max(-op_.grid.lowest, op_.grid.highest());
    if (largest > kLargestLevel ||
        in_.channels * largest * largest_code() > std::numeric_limits<std::int32_t>::max()) {
      return false;
    }
    kernel_ = &kernels::select_packed_dot(isa, op_.grid.bits);
    groups_ = kernels::packed_dot_groups(in_.channels, kernel_->bits);
    columns_ = kernel_->columns;
    panels_ = (out_.channels + columns_ - 1) / columns_;
    for (std::int32_t code = 0; code < op_.grid.codes; ++code) {
      levels_[code] = static_cast<std::int8_t>(op_.grid.level(code));
    }
    pack();
    multiply_codes();
    return true;
  }

  std::string_view kernel() const override { return kernel_->name; }
  std::size_t weight_bytes() const override { return weights_.size(); }
  std::size_t scratch_bytes() const override {
    return whole_lines(code_bytes()) +
           whole_lines(static_cast<std::size_t>(columns_) * sizeof(std::int32_t));
  }

 private:
  static constexpr std::int64_t kLargestLevel = 15;

  std::size_t code_bytes() const {
    return static_cast<std::size_t>(groups_ * 4 * (8 / kernel_->bits));
  }
  std::int64_t panel_bytes() const { return groups_ * columns_ * 4; }

  void pack() {
    weights_ = memory_.take(static_cast<std::size_t>(panels_ * panel_bytes()));
    auto* packed = reinterpret_cast<std::uint8_t*>(weights_.data());
    for (std::int64_t panel = 0; panel < panels_; ++panel, packed += panel_bytes()) {
      const Range filters = filters_of(panel);
      kernels::pack_fields(weight_codes(filters).data(), filters.count, in_.channels, kernel_->bits,
                           columns_, packed);
    }
  }

  void run_block(const Batch& batch, std::int64_t image, const Block& block,
                 std::byte* scratch) const override {
    auto* codes = reinterpret_cast<std::uint8_t*>(scratch);
    auto* sums = reinterpret_cast<std::int32_t*>(scratch + whole_lines(code_bytes()));
    std::uint8_t* end = std::copy_n(input(batch, image), in_.channels, codes);
    std::fill(end, codes + code_bytes(), std::uint8_t{0});
    for (std::int64_t i = 0; i < block.panels.count; ++i) {
      const std::int64_t panel = block.panels.first + i;
      const std::int64_t channel = panel * columns_;
      kernel_->run(
          {.a = codes,
           .groups = groups_,
           .b = reinterpret_cast<const std::uint8_t*>(weights_.data()) + panel * panel_bytes(),
           .levels = levels_,
           .c = sums});
      finish(batch, image,
             {.values = sums,
              .stride = columns_,
              .channel = channel,
              .channels = std::min<std::int64_t>(columns_, out_.channels - channel)});
    }
  }

  const kernels::PackedDotKernel* kernel_ = nullptr;
  std::int64_t groups_ = 0;
  std::int8_t levels_[1 << kernels::kMaxFieldBits] = {};
};

}  // namespace

std::unique_ptr<Step> make_packed_convolution(const StepContext& context, std::int32_t node,
                                              std::int32_t requantize) {
  return make_prepared<PackedConvolution>(context, node, requantize);
}

}  // namespace pact::runtime
