"""The published files of data sets: finding, downloading and verifying them, and reading archives in place."""
