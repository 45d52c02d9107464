#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Synthesises the hardware at 2, 4, 8 and 16 bits with Yosys; writes OUT/area.json, prints the tables.

Usage: hw/rtl/synthesize.py OUT

Transistors are Yosys's estimate for static CMOS (stat -tech cmos): 2 for an inverter, 4 for NAND
and NOR of two inputs, 6 and 8 for and-or-invert gates, 12 for XOR, 10 and 12 for multiplexers, 16
for a flip-flop. Mapped by abc -g cmos without a clock period; wires count nothing.
"""
import json
import pathlib
import subprocess
import sys

FOLDER = pathlib.Path(__file__).resolve().parent
SOURCES = ['activation_sum', 'array', 'column', 'foot', 'mac', 'multiply', 'requantize']
BITS = [2, 4, 8, 16]
# Fig. 6b of arXiv 1805.06085: area of a multiply-accumulate unit, 2 bits = 1.
PAPER = {2: 1.0, 4: 2.51, 8: 6.63, 16: 14.27}
ROWS = COLUMNS = 16
# Parts whose area is counted apart inside the array.
PARTS = ['mac', 'requantize', 'activation_sum']


def widths(bits):
    """Parameters of the array: sums exact for 4608 products, as the largest filter of ResNet-18."""
    return {'ACTIVATION_BITS': bits, 'WEIGHT_BITS': bits, 'SUM_BITS': 2 * bits + 13}


def synthesize(out, top, parameters):
    """Yosys's statistics of `top`: {module: {'cells': {type: count}, 'transistors': count}}."""
    statistics = out / 'statistics.json'
    script = [
        'read_verilog -sv ' + ' '.join(str(FOLDER / (name + '.sv')) for name in SOURCES),
        'chparam ' + ' '.join(f'-set {name} {value}' for name, value in parameters.items()) + ' ' + top,
        f'hierarchy -check -top {top}',
        'setattr -mod -set keep_hierarchy 1 ' + ' '.join('*' + part for part in PARTS),
        f'synth -flatten -top {top}',
        'dfflegalize -cell $_DFF_P_ x',  # the estimate knows the plain flip-flop alone
        'opt_clean',
        'abc -g cmos',
        'opt_clean',
        'check -assert',
        f'tee -q -o {statistics} stat -json -tech cmos',
    ]
    print(f'yosys: {top}', *(f'{name}={value}' for name, value in parameters.items()), file=sys.stderr)
    done = subprocess.run(['yosys', '-q', '-p', '\n'.join(script)], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(done.stdout + done.stderr)
    text = statistics.read_text()
    statistics.unlink()
    found = json.loads(text[text.index('{'):])
    modules = dict(found['modules'], design=found['design'])
    return {name.rsplit('\\', 1)[-1]: {
        'cells': {kind[2:-1]: count for kind, count in module['num_cells_by_type'].items()
                  if kind.startswith('$_')},
        'transistors': module['estimated_num_transistors'],
    } for name, module in modules.items()}


def of_design(found):
    """The row of a whole design; Yosys marks a count that leaves cells out with a plus."""
    return {'cells': found['design']['cells'], 'transistors': int(found['design']['transistors'])}


def measure(out):
    rows = {'multiplier': {}, 'mac, sums of 8': {}, 'mac, sums of 4608': {}, 'requantizer': {},
            'array': {}, 'array without requantizers': {}}
    parts = {}
    for bits in BITS:
        codes = {'ACTIVATION_BITS': bits, 'WEIGHT_BITS': bits}
        rows['multiplier'][bits] = of_design(synthesize(out, 'multiply', codes))
        rows['mac, sums of 8'][bits] = of_design(
            synthesize(out, 'mac', dict(codes, SUM_BITS=2 * bits + 3)))
        # Sums of 16-bit codes leave the 32 bits that the law allows; the width of its total follows.
        array = dict(widths(bits), ROWS=ROWS, COLUMNS=COLUMNS, CODE_BITS=max(8, bits),
                     TOTAL_BITS=64 if bits <= 8 else 80)
        found = synthesize(out, 'array', array)
        rows['array'][bits] = of_design(found)
        part = {name: {'cells': found[name]['cells'], 'transistors': int(found[name]['transistors'])}
                for name in PARTS}
        rows['mac, sums of 4608'][bits] = part['mac']
        rows['requantizer'][bits] = part['requantize']
        total = rows['array'][bits]['transistors']
        units = ROWS * COLUMNS * part['mac']['transistors']
        requantizers = COLUMNS * part['requantize']['transistors']
        rows['array without requantizers'][bits] = {
            'cells': {kind: count - COLUMNS * part['requantize']['cells'].get(kind, 0)
                      for kind, count in rows['array'][bits]['cells'].items()},
            'transistors': total - requantizers}
        sums = part['activation_sum']['transistors']
        parts[bits] = {'multiply-accumulate units': units, 'requantizers': requantizers,
                       'activation sum': sums, 'rest of the feet': total - units - requantizers - sums}
    return rows, parts


def table(header, rows):
    lines = ['| ' + ' | '.join(header) + ' |', '|' + '---|' * len(header)]
    return '\n'.join(lines + ['| ' + ' | '.join(row) + ' |' for row in rows])


NOTES = {
    'multiplier': 'alone, product of 2k bits, no registers',
    'mac, sums of 8': 'with its registers, sums of 2k + 3 bits: exact for 8 products, the rows of the paper\'s array',
    'mac, sums of 4608': 'with its registers, sums of 2k + 13 bits: exact for 4608 products, the largest filter of ResNet-18',
    'requantizer': 'reads 2k + 14 bits, multiplies with 32, shifts 64 (80 at 16 bits), with a residual of 8 (16)',
    'array': f'{ROWS} x {COLUMNS}, a requantizer below each column; without the memory of its constants',
    'array without requantizers': 'the same, as if they were elsewhere or shared by many columns',
}


def cell_table(rows):
    shown = []
    for name, row in rows.items():
        for bits in BITS:
            cells = row[bits]['cells']
            flops = cells.get('DFF_P', 0)
            shown.append([name if bits == BITS[0] else '', str(bits), f'{sum(cells.values()) - flops:,}',
                          f'{flops:,}', f'{row[bits]["transistors"]:,}'])
    return table(['part', 'bits', 'gates', 'flip-flops', 'transistors'], shown)


def ratio_table(rows, ratio):
    """One row a part; `ratio` of {bits: area} and bits."""
    areas = {'paper, Fig. 6b': PAPER}
    areas.update((name, {bits: row[bits]['transistors'] for bits in BITS}) for name, row in rows.items())
    return table(['part'] + [f'{bits} bits' for bits in BITS],
                 [[name] + [f'{ratio(area, bits):.2f}' for bits in BITS] for name, area in areas.items()])


def share_table(rows, parts):
    def share(name, bits):
        transistors = parts[bits][name]
        return f'{transistors:,} ({transistors / rows["array"][bits]["transistors"]:.0%})'
    return table(['part'] + [f'{bits} bits' for bits in BITS],
                 [[name] + [share(name, bits) for bits in BITS] for name in parts[BITS[0]]])


def kind_table(row):
    kinds = sorted({kind for bits in BITS for kind in row[bits]['cells']})
    return table(['bits'] + kinds, [[str(bits)] + [str(row[bits]['cells'].get(kind, 0)) for kind in kinds]
                                    for bits in BITS])


def tables(rows, parts):
    yield 'What is counted, for activations and weights of k bits:'
    yield table(['part', 'what is in it'], [[name, NOTES[name]] for name in rows])
    yield 'Cells and transistors:'
    yield cell_table(rows)
    yield 'Area, 2 bits = 1:'
    yield ratio_table(rows, lambda area, bits: area[bits] / area[2])
    yield 'How many fit into the area of one of 16 bits:'
    yield ratio_table(rows, lambda area, bits: area[16] / area[bits])
    yield 'Transistors of the array, by part:'
    yield share_table(rows, parts)
    yield 'Cells by type, mac, sums of 4608:'
    yield kind_table(rows['mac, sums of 4608'])


def main():
    out = pathlib.Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    version = subprocess.run(['yosys', '-V'], check=True, capture_output=True, text=True).stdout.strip()
    rows, parts = measure(out)
    text = '\n\n'.join([version + '; transistors as estimated by `stat -tech cmos` after `abc -g cmos`.'] +
                       list(tables(rows, parts)))
    (out / 'tables.md').write_text(text + '\n')
    document = {'tool': version, 'unit': 'transistors (stat -tech cmos)', 'paper_area': PAPER,
                'rows': {name: {'what': NOTES[name], 'bits': row} for name, row in rows.items()},
                'array_parts': parts}
    partial = out / 'area.json.new'
    partial.write_text(json.dumps(document, indent=1) + '\n')
    partial.replace(out / 'area.json')
    print(text)


if __name__ == '__main__':
    main()
