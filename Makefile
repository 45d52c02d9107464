# SPDX-License-Identifier: Apache-2.0
# make demo    install what is missing, build, train a 4-bit network, run it, compare
# make test    install what is missing, build, run every check
# make build   build/release/pact
# make help    the other targets
.DEFAULT_GOAL := help
JOBS ?= $(shell nproc)
export CMAKE_BUILD_PARALLEL_LEVEL := $(JOBS)
# A pool of threads that spins while it waits slows everything else down on small machines.
export OMP_WAIT_POLICY ?= passive

.PHONY: help setup build demo test format check-format zoo onnx bench rtl clean

help:
	@sed -n 's/^# \(make .*\)/\1/p' Makefile
	@echo "make format, make zoo (trains the 4- and 5-bit ResNet-20 of the zoo anew, a day), make onnx (compares with ONNX Runtime), make bench (compares with oneDNN and ONNX Runtime), make rtl (simulates and synthesises the hardware), make clean"

setup:
	@tools/setup.sh

build: setup
	@cmake --preset release $(QUIET)
	@cmake --build --preset release

demo: build
	@build/release/pact demo --recipes recipes --out out/demo

# The kernels for ARM are compiled and run, too.
test:
	@tools/setup.sh g++-aarch64-linux-gnu qemu-user
	@tools/test.sh

format:
	@git ls-files '*.h' '*.cpp' | xargs clang-format -i

check-format:
	@git ls-files '*.h' '*.cpp' | xargs clang-format --dry-run --Werror

# A day on two cores; needs PACT_DATA with CIFAR-10 and the published weights. At 5 bits first, from
# whose weights 4 bits go on, each step from the checkpoint of the one before.
zoo_run = build/release/pact train recipes/cifar10-resnet20-v1-w4a4.toml --set precision=bf16 --out out/zoo/$(1)
zoo_next = $(call zoo_run,$(2)) --set start=$(CURDIR)/out/zoo/$(1)/checkpoint.safetensors \
  --set distill.start=weights/pytorch_resnet_cifar10/resnet20.safetensors
five = --set quantize.weight_bits=5 --set quantize.activation_bits=5
wide = --set quantize.shortcut_bits=8
zoo: build
	@$(call zoo_run,w5a5-first) $(five) --set epochs=10 --set optimizer.learning_rate=0.03
	@$(call zoo_next,w5a5-first,w5a5-second) $(five) --set epochs=54 --set optimizer.learning_rate=0.05
	@$(call zoo_next,w5a5-second,w5a5) $(five) $(wide) --set epochs=40
	@$(call zoo_next,w5a5,w4a4-second) $(wide) --set epochs=40
	@$(call zoo_next,w4a4-second,w4a4) $(wide) --set epochs=12 --set optimizer.learning_rate=0.03 \
	  --set schedule.final_rate=0.2 --set optimizer.average=0.9995 --set norm_batches=390
	@cp out/zoo/w4a4/model.pact zoo/cifar10-resnet20-v1-w4a4.pact
	@cp out/zoo/w5a5/model.pact zoo/cifar10-resnet20-v1-w5a5.pact

# Minutes; installs torchvision and ONNX Runtime; needs PACT_DATA with CIFAR-10.
onnx: build
	@cmake --build --preset release --target pact_onnx_compare
	@tools/onnx/compare.sh build/release

# Minutes on a quiet machine; installs oneDNN and ONNX Runtime.
bench: build
	@bench/run.sh build/release

# Minutes; needs Yosys and Verilator, and CIFAR-10 under PACT_DATA if a real image is to go through.
rtl: setup
	@command -v yosys >/dev/null && command -v verilator >/dev/null || { echo "make rtl: first install yosys and verilator (apt-get install yosys verilator)" >&2; exit 1; }
	@hw/rtl/run.sh

clean:
	@rm -rf build out
