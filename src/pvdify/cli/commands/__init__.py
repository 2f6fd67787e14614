"""The commands, one file each or one small family; ``cli.command_table`` lists them all."""
