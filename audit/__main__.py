"""``python -m audit`` is ``netassay``."""

from audit.cli import main

if __name__ == "__main__":
    main()
