// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <iostream>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/show.h"
#include "pact/base/result.h"
#include "pact/base/version.h"

namespace {

std::string usage_error(const CLI::App* app, const CLI::Error& error) {
  std::string command = "pact";
  for (const CLI::App* named : app->get_subcommands()) command += " " + named->get_name();
  return command + ": " + pact::cli::one_line(error.what()) + "; see " + command + " --help\n";
}

void finish_output() {
  std::cout.flush();
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0 || !std::cout) {
    pact::throw_error(pact::ErrorCode::Io, "standard output: cannot write");
  }
}

// Throws what parsing and the command throw, but for what asks for help, which it gives.
void run(CLI::App& app, int argc, char** argv) {
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& request) {
    app.exit(request);
  }
  finish_output();
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Trains low-bit neural networks with PACT and runs exactly what was trained.",
               "pact"};
  app.set_version_flag("--version", "pact " PACT_VERSION);
  app.require_subcommand(1);
  app.failure_message(usage_error);
  pact::cli::add_commands(app);
  try {
    run(app, argc, argv);
    return 0;
  } catch (const CLI::RequiredError& error) {
    // CLI11 asks for a command even if there is one, which it does not know.
    const std::vector<std::string> unknown = app.remaining();
    if (app.get_subcommands().empty() && !unknown.empty()) {
      std::cerr << "pact: expected a command, found '" << unknown.front() << "'; see pact --help\n";
    } else {
      app.exit(error);
    }
    return pact::exit_status(pact::ErrorCode::InvalidArgument);
  } catch (const CLI::ParseError& error) {
    app.exit(error);
    return pact::exit_status(pact::ErrorCode::InvalidArgument);
  } catch (const pact::Exception& error) {
    std::fflush(stdout);
    std::cerr << "pact: " << pact::cli::one_line(error.what()) << '\n';
    return pact::exit_status(error.error().code);
  } catch (const std::exception& error) {
    // LibTorch's messages carry a backtrace after their first line.
    const std::string message = error.what();
    std::cerr << "pact: " << message.substr(0, message.find('\n')) << '\n';
    return 1;
  }
}
