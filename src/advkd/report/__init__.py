"""Tables and figures from the metrics of runs."""
