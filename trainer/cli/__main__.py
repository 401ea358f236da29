"""`python -m trainer.cli`."""

from trainer.cli.group import main

main()
