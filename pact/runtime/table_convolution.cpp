// SPDX-License-Identifier: Apache-2.0
// Layers on one pixel with 2-bit codes and 2-bit weights, by tables (kernels/table_dot.h): fully
// connected ones.
#include <algorithm>
#include <limits>
#include <numeric>

#include "pact/kernels/table_dot.h"
#include "pact/runtime/convolution.h"

namespace pact::runtime {
namespace {

class TableConvolution final : public PanelConvolution {
 public:
  using PanelConvolution::PanelConvolution;

  // False where this way cannot go.
  bool prepare(Isa isa) {
    if (!is_fully_connected() || op_.grid.bits > kernels::kTableBits || largest_code() > kLargest) {
      return false;
    }
    const std::int64_t steps = kLargest * std::int64_t{op_.grid.step};
    const std::int64_t lowest = std::abs(std::int64_t{op_.grid.lowest});
    if (in_.channels * kLargest * (steps + lowest) > std::numeric_limits<std::int32_t>::max()) {
      return false;
    }
    kernel_ = &kernels::select_table_dot(isa);
    groups_ = kernels::table_dot_groups(in_.channels);
    columns_ = kernel_->columns;
    panels_ = parts_of(out_.channels, columns_);
    pack();
    multiply_codes();
    return true;
  }

  std::string_view kernel() const override { return kernel_->name; }
  std::size_t weight_bytes() const override { return weights_.size(); }
  std::size_t scratch_bytes() const override {
    return pair_bytes() + whole_lines(static_cast<std::size_t>(columns_) * sizeof(std::int32_t));
  }

 private:
  static constexpr std::int64_t kLargest = (1 << kernels::kTableBits) - 1;

  std::size_t pair_bytes() const { return whole_lines(static_cast<std::size_t>(2 * groups_)); }
  std::int64_t panel_bytes() const { return groups_ * columns_; }

  void pack() {
    weights_ = memory_.take(static_cast<std::size_t>(panels_ * panel_bytes()));
    auto* packed = reinterpret_cast<std::uint8_t*>(weights_.data());
    for (std::int64_t panel = 0; panel < panels_; ++panel, packed += panel_bytes()) {
      const Range filters = filters_of(panel);
      kernels::pack_table_columns(*kernel_, weight_codes(filters).data(), filters.count,
                                  in_.channels, packed);
    }
  }

  void run_block(const Batch& batch, std::int64_t image, const Block& block,
                 std::byte* scratch) const override {
    auto* pairs = reinterpret_cast<std::uint8_t*>(scratch);
    auto* sums = reinterpret_cast<std::int32_t*>(scratch + pair_bytes());
    const std::uint8_t* codes = input(batch, image);
    kernels::pair_codes(codes, in_.channels, pairs);
    // A level of a weight is the lowest one and a step for each unit of its code.
    const std::int32_t lowest =
        op_.grid.lowest * std::accumulate(codes, codes + in_.channels, std::int32_t{0});
    for (std::int64_t i = 0; i < block.panels.count; ++i) {
      const std::int64_t panel = block.panels.first + i;
      const Range filters = filters_of(panel);
      kernel_->run(
          {.pairs = pairs,
           .groups = groups_,
           .b = reinterpret_cast<const std::uint8_t*>(weights_.data()) + panel * panel_bytes(),
           .c = sums});
      for (int c = 0; c < columns_; ++c) sums[c] = op_.grid.step * sums[c] + lowest;
      finish(batch, image,
             {.values = sums,
              .stride = columns_,
              .channel = filters.first,
              .channels = filters.count});
    }
  }

  const kernels::TableDotKernel* kernel_ = nullptr;
  std::int64_t groups_ = 0;
};

}  // namespace

std::unique_ptr<Step> make_table_convolution(const StepContext& context, std::int32_t node,
                                             std::int32_t requantize) {
  return make_prepared<TableConvolution>(context, node, requantize);
}

}  // namespace pact::runtime
