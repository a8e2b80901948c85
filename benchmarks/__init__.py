"""Speed beside the peers, measured side by side in one run: ``python -m benchmarks``, or ``make bench``.

No figure is written down here: what counts is the ratio on the machine at hand. A rival that is not
installed is left out with a word (``pip install -c constraints.txt -e ".[bench]"``).
"""
