// SPDX-License-Identifier: Apache-2.0
#include "pact/data/svhn.h"

namespace pact::data {

Status append_svhn(const std::filesystem::path& path, Dataset&) {
  return make_error(ErrorCode::Unsupported, path.string(),
                    ": this build cannot read MATLAB files; build it where matio is installed "
                    "(Debian: libmatio-dev)");
}

}  // namespace pact::data
