// SPDX-License-Identifier: Apache-2.0
#include "pact/train/schedule.h"

#include <cmath>
#include <numbers>

namespace pact::train {

double schedule_factor(const ScheduleOptions& schedule, double epoch, int epochs) {
  if (epoch < schedule.warmup_epochs) return epoch / schedule.warmup_epochs;
  switch (schedule.kind) {
    case ScheduleKind::Constant:
      return 1;
    case ScheduleKind::Step: {
      double factor = 1;
      for (const int milestone : schedule.milestones) {
        if (epoch >= milestone) factor *= schedule.factor;
      }
      return factor;
    }
    case ScheduleKind::Cosine: {
      const double progress = (epoch - schedule.warmup_epochs) / (epochs - schedule.warmup_epochs);
      const double wave = 0.5 * (1 + std::cos(std::numbers::pi * progress));
      return schedule.final_rate + (1 - schedule.final_rate) * wave;
    }
  }
  return 1;
}

}  // namespace pact::train
