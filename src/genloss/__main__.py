"""``python -m genloss`` is the command ``genloss``."""

from genloss.cli import main

if __name__ == "__main__":
    main()
