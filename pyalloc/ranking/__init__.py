"""Stock selection that learns, walk-forward: what was known, what came of it, and how well that was foreseen.

:mod:`~pyalloc.ranking.panel` measures every stock at every month end, :mod:`~pyalloc.ranking.labels` what
came next and from when on that was known, :mod:`~pyalloc.ranking.ridge` and :mod:`~pyalloc.ranking.models`
learn the one from the other, :mod:`~pyalloc.ranking.ranker` walks them forward, and
:mod:`~pyalloc.ranking.skill` says what it was worth out of sample.
"""
