"""Example inputs: a client list and the house policy; everything in them is invented."""
