"""
How fast trio_run is, beside its peers and beside bare trio: run ``python -m benchmarks --list``.
"""
