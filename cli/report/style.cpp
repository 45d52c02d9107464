// SPDX-License-Identifier: Apache-2.0
#include "cli/report/style.h"

#include <string_view>

#include "cli/svg.h"
#include "pact/base/result.h"

namespace pact::cli::report {
namespace {

constexpr std::string_view kColors = R"(:root {
  color-scheme: light dark;
  --page: #ffffff; --card: #f8fafc; --ink: #1e293b; --soft: #64748b; --line: #e2e8f0;
  --fill: #7dabd8; --warn: #b45309;
  --run0: #0072b2; --run1: #d55e00; --run2: #009e73; --run3: #b5528a;
  --run4: #b37700; --run5: #2a9fd8; --run6: #6b5bd2; --run7: #475569;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #0f172a; --card: #172036; --ink: #e2e8f0; --soft: #94a3b8; --line: #2b3852;
    --fill: #4377ad; --warn: #fbbf24;
    --run0: #4da6e0; --run1: #f08a3c; --run2: #2fc898; --run3: #e08abb;
    --run4: #e8b030; --run5: #7cc8f0; --run6: #a397f5; --run7: #cbd5e1;
  }
}
)";

constexpr std::string_view kLayout = R"(* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 1.5rem clamp(0.9rem, 3vw, 2.5rem) 4rem; max-width: 82rem;
  background: var(--page); color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif;
}
h1 { font-size: 1.6rem; line-height: 1.2; margin: 0 0 1rem; overflow-wrap: anywhere; }
h2 { font-size: 1.25rem; margin: 2.5rem 0 0.75rem; overflow-wrap: anywhere; }
h3 { font-size: 1rem; margin: 1.75rem 0 0.5rem; }
p { margin: 0.4rem 0; max-width: 46rem; }
a { color: inherit; }
.soft { color: var(--soft); }
.warn { color: var(--warn); }
.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(9.5rem, 1fr));
  gap: 0.75rem 1.25rem; margin: 1rem 0; }
.facts dt { color: var(--soft); font-size: 0.8rem; }
.facts dd { margin: 0; font-weight: 600; overflow-wrap: anywhere; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 21rem), 1fr));
  gap: 1rem; }
.histograms { display: grid;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 20rem), 1fr)); gap: 1rem; }
figure { margin: 0; padding: 0.6rem; border: 1px solid var(--line); border-radius: 0.5rem;
  background: var(--card); min-width: 0; }
figcaption { font-size: 0.8rem; color: var(--soft); padding: 0 0.3rem; }
.alpha { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 24rem), 1fr));
  gap: 0.5rem 1.5rem; align-items: center; }
.key { display: flex; flex-wrap: wrap; gap: 0.2rem 1.1rem; list-style: none; margin: 0.5rem 0;
  padding: 0; font-size: 0.85rem; }
.alpha .key { display: grid; grid-template-columns: repeat(auto-fill, minmax(13rem, 1fr)); }
.chip { display: inline-block; width: 0.8em; height: 0.8em; border-radius: 0.2em;
  margin-right: 0.45em; vertical-align: -0.05em; }
.scroll { overflow-x: auto; border: 1px solid var(--line); border-radius: 0.5rem; }
table { border-collapse: collapse; font-size: 0.77rem; font-variant-numeric: tabular-nums;
  min-width: 100%; }
th, td { padding: 0.32rem 0.42rem; text-align: right; white-space: nowrap;
  border-bottom: 1px solid var(--line); }
tr:last-child > * { border-bottom: 0; }
th { font-weight: 600; }
thead th { color: var(--soft); background: var(--card); }
th.group { text-align: center; border-left: 1px solid var(--line); }
.left { text-align: left; }
.edge { border-left: 1px solid var(--line); }
tbody th { text-align: left; position: sticky; left: 0; background: var(--page); }
tfoot td, tfoot th { font-weight: 600; text-align: right; border-top: 2px solid var(--line); }
tfoot th { text-align: left; }
details { margin: 0.75rem 0; }
summary { cursor: pointer; }
pre { overflow-x: auto; padding: 0.75rem; background: var(--card); border: 1px solid var(--line);
  border-radius: 0.5rem; font: 0.8rem/1.45 ui-monospace, Menlo, Consolas, monospace; }
svg { display: block; width: 100%; height: auto; max-width: 36rem; margin: 0 auto; }
svg text { fill: var(--ink); }
figcaption + svg { margin-top: 0.6rem; }
.alpha svg { max-width: 29rem; }
@media print { figure, .scroll { break-inside: avoid; } }
)";

}  // namespace

std::string style_sheet() {
  return text(kColors, kLayout, "svg [fill='", kPaper, "'] { fill: none; }\nsvg [stroke='", kInk,
              "'] { stroke: var(--ink); }\nsvg [stroke='", kGrid, "'] { stroke: var(--line); }\n");
}

}  // namespace pact::cli::report
