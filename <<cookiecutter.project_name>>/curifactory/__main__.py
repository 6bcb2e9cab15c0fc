"""`python -m curifactory NAME` is `experiment NAME`."""

if __name__ == "__main__":  # worker processes import this module, too
    from .cli import main

    raise SystemExit(main())
