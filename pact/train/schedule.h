// SPDX-License-Identifier: Apache-2.0
// The learning rate as a function of time.
#pragma once

#include "pact/train/recipe.h"

namespace pact::train {

/// Factor on the learning rate at `epoch`, a real number of epochs since the start (2.5: the middle
/// of the third), of `epochs` in all. 0 to 1.
double schedule_factor(const ScheduleOptions& schedule, double epoch, int epochs);

}  // namespace pact::train
