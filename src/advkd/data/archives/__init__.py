"""Archives of data sets: find, download, verify, and read their members."""
