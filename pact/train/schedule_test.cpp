// SPDX-License-Identifier: Apache-2.0
#include "pact/train/schedule.h"

#include <gtest/gtest.h>

namespace pact::train {
namespace {

TEST(Schedule, StepMultipliesAtEachMilestone) {
  const ScheduleOptions schedule{
      .kind = ScheduleKind::Step, .milestones = {60, 120}, .factor = 0.1};
  EXPECT_DOUBLE_EQ(schedule_factor(schedule, 59.99, 200), 1);
  EXPECT_DOUBLE_EQ(schedule_factor(schedule, 60, 200), 0.1);
  EXPECT_NEAR(schedule_factor(schedule, 199, 200), 0.01, 1e-12);
}

TEST(Schedule, CosineFallsFromOneToTheFinalRate) {
  const ScheduleOptions schedule{.kind = ScheduleKind::Cosine, .final_rate = 0.1};
  EXPECT_DOUBLE_EQ(schedule_factor(schedule, 0, 10), 1);
  EXPECT_NEAR(schedule_factor(schedule, 5, 10), 0.55, 1e-12);
  EXPECT_NEAR(schedule_factor(schedule, 10, 10), 0.1, 1e-12);
}

TEST(Schedule, WarmUpRisesFromZeroAndMeetsTheSchedule) {
  const ScheduleOptions schedule{.kind = ScheduleKind::Cosine, .warmup_epochs = 2};
  EXPECT_DOUBLE_EQ(schedule_factor(schedule, 0, 10), 0);
  EXPECT_DOUBLE_EQ(schedule_factor(schedule, 1, 10), 0.5);
  EXPECT_DOUBLE_EQ(schedule_factor(schedule, 2, 10), 1);
}

}  // namespace
}  // namespace pact::train
