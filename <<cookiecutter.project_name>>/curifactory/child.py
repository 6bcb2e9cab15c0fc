"""Stands for the main program in processes that stages start: that imports this package."""

if __name__ == "__main__":  # of libraries that start the same command once more
    from .__main__ import main

    raise SystemExit(main())
