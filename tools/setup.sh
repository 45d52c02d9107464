#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Installs what the build needs and the machine lacks (Debian 12 packages), and the packages that are its arguments.
# Quiet if nothing is.
set -eu

packages="cmake ninja-build ccache g++ libtorch-dev libflatbuffers-dev flatbuffers-compiler libonnx-dev libprotobuf-dev libcli11-dev
 libtomlplusplus-dev nlohmann-json3-dev libgtest-dev libgmock-dev libpng-dev libjpeg-dev
 zlib1g-dev libmatio-dev dataset-fashion-mnist clang clang-format clang-tidy libclang-rt-14-dev $*"

if ! command -v dpkg-query >/dev/null 2>&1 || ! command -v apt-get >/dev/null 2>&1; then
  echo "pact: this is not a Debian system, so nothing was installed. Needed, by their Debian names:"
  echo "$packages"
  echo "LibTorch 1.13 or newer from elsewhere is found through CMAKE_PREFIX_PATH."
  exit 0
fi

missing=""
for package in $packages; do
  state=$(dpkg-query -W -f='${Status}' "$package" 2>/dev/null || true)
  [ "$state" = "install ok installed" ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -eq 0 ]; then
  sudo=""
elif command -v sudo >/dev/null 2>&1; then
  sudo="sudo"
else
  echo "pact: these packages are missing, and there is no sudo to install them with:$missing" >&2
  exit 1
fi

echo "installing:$missing"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
install="env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends"
if ! { $sudo apt-get update && $sudo $install $missing; } >"$log" 2>&1; then
  tail -n 20 "$log" >&2
  echo "pact: apt-get could not install:$missing" >&2
  exit 1
fi
