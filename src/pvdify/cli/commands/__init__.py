"""The commands: one module for each, or for a small group. ``cli.command_table`` lists them all."""
