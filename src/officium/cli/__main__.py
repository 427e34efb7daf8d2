"""`python -m officium.cli`, where the command itself is not on the path."""

from officium.cli import main

main()
