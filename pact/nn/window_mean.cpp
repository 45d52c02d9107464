// SPDX-License-Identifier: Apache-2.0
#include "pact/nn/window_mean.h"

namespace pact::nn {
namespace {

using torch::Tensor;

class WindowMean : public torch::autograd::Function<WindowMean> {
 public:
  static Tensor forward(torch::autograd::AutogradContext* context, const Tensor& images,
                        std::int64_t y, std::int64_t x) {
    context->saved_data["y"] = y;
    context->saved_data["x"] = x;
    return torch::avg_pool2d(images, {y, x});
  }

  static torch::autograd::tensor_list backward(torch::autograd::AutogradContext* context,
                                               torch::autograd::tensor_list gradients) {
    const std::int64_t y = context->saved_data["y"].toInt();
    const std::int64_t x = context->saved_data["x"].toInt();
    const Tensor rows = (gradients[0] / static_cast<double>(y * x)).permute({0, 2, 3, 1});
    const auto n = rows.size(0), height = rows.size(1), width = rows.size(2), c = rows.size(3);
    const Tensor spread = rows.unsqueeze(2).unsqueeze(4).expand({n, height, y, width, x, c});
    return {spread.reshape({n, height * y, width * x, c}).permute({0, 3, 1, 2}), {}, {}};
  }
};

}  // namespace

bool has_own_windows(const graph::AvgPool& op, const Tensor& images) {
  return op.kernel == op.stride && op.padding == graph::Padding{} &&
         images.size(2) % op.kernel.y == 0 && images.size(3) % op.kernel.x == 0;
}

Tensor window_mean(const Tensor& images, graph::Pair kernel) {
  return WindowMean::apply(images, kernel.y, kernel.x);
}

}  // namespace pact::nn
