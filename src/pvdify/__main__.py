"""``python -m pvdify`` is the command line."""

from pvdify.cli.main import main

if __name__ == "__main__":
    main()
