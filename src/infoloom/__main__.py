"""`python -m infoloom` is the `infoloom` program."""

from infoloom.cli.main import main

if __name__ == "__main__":
    main()
