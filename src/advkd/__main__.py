"""`python -m advkd`: the command line, also from a checkout that is not installed."""

from advkd.cli import main

raise SystemExit(main())
