// SPDX-License-Identifier: Apache-2.0
#include "cli/eval.h"

namespace pact::cli {

Top1 evaluate_float(const FloatTarget&, const data::DatasetInfo&, const data::Dataset&, int) {
  throw_error(ErrorCode::Unsupported,
              "this pact was built without LibTorch and evaluates packed files (.pact) only");
}

}  // namespace pact::cli
