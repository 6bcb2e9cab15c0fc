"""`python -m curifactory NAME` is `experiment NAME`."""

from .cli import main

raise SystemExit(main())
