// SPDX-License-Identifier: Apache-2.0
// JPEG files for tests.
#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>
// Needs stdio.h before it.
#include <jpeglib.h>

namespace pact::data {

struct JpegSpec {
  int channels = 1;
  int height = 0;
  int width = 0;
  J_COLOR_SPACE colours = JCS_GRAYSCALE;
  enum class Scans { Baseline, PerChannel, Progressive } scans = Scans::Baseline;
  enum class Marker { Usual, Adobe } marker = Marker::Usual;
};

inline std::vector<std::uint8_t> write_jpeg(const JpegSpec& spec,
                                            std::vector<std::uint8_t> interleaved) {
  EXPECT_EQ(interleaved.size(), std::size_t(spec.channels * spec.height * spec.width));
  jpeg_compress_struct jpeg{};
  jpeg_error_mgr errors{};
  jpeg.err = jpeg_std_error(&errors);
  jpeg_create_compress(&jpeg);
  unsigned char* memory = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&jpeg, &memory, &size);
  jpeg.image_width = JDIMENSION(spec.width);
  jpeg.image_height = JDIMENSION(spec.height);
  jpeg.input_components = spec.channels;
  jpeg.in_color_space = spec.colours;
  jpeg_set_defaults(&jpeg);
  jpeg_set_quality(&jpeg, 100, TRUE);
  jpeg.write_Adobe_marker = spec.marker == JpegSpec::Marker::Adobe ? TRUE : FALSE;
  if (spec.scans == JpegSpec::Scans::Progressive) jpeg_simple_progression(&jpeg);
  std::vector<jpeg_scan_info> scans;
  for (int c = 0; c < spec.channels; ++c) scans.push_back({1, {c}, 0, 63, 0, 0});
  if (spec.scans == JpegSpec::Scans::PerChannel) {
    jpeg.scan_info = scans.data();
    jpeg.num_scans = spec.channels;
  }
  jpeg_start_compress(&jpeg, TRUE);
  while (jpeg.next_scanline < jpeg.image_height) {
    JSAMPROW row = interleaved.data() +
                   jpeg.next_scanline * std::size_t(spec.width) * std::size_t(spec.channels);
    jpeg_write_scanlines(&jpeg, &row, 1);
  }
  jpeg_finish_compress(&jpeg);
  std::vector<std::uint8_t> file(memory, memory + size);
  jpeg_destroy_compress(&jpeg);
  std::free(memory);
  return file;
}

}  // namespace pact::data
