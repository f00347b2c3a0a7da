"""Runs the stages over shards on Ray, merges their output into a training set, and the `ella` command."""
