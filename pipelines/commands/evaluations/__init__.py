"""The subcommands of `ella evaluate`."""
