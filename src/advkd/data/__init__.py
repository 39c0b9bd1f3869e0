"""Data sets: fetching, verifying and reading archives; preparing uint8 stores."""
