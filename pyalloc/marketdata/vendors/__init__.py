"""Where today's numbers come from: FRED and ALFRED for macro series, Yahoo for prices."""
