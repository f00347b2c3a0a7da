"""The subcommands of `ella` that run the pipeline."""
