"""What stands behind the commands: flags as views of the options, and one function per command."""
