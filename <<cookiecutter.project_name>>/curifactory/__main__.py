"""`python -m curifactory NAME` is `experiment NAME`."""

if __name__ == "__main__":  # worker processes import this module, too
    try:
        from .cli import main

        raise SystemExit(main())
    except KeyboardInterrupt:  # while it imports that
        raise SystemExit(130) from None
