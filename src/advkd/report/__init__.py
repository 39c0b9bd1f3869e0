"""The report as a page and as a PDF, and the answers of `advkd status`, `plan`, `explain` and similar commands."""
