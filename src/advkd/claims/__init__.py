"""Checks what the papers claim, on the numbers that they print and on ours.

`claim_file` reads the claims of paper/claims.yaml. Each claim consists of `predicates`, for example "group A has a
lower FID than group B". `published` and `our_numbers` look up the numbers, `evaluation` compares them, and `verdicts`
decides. `judgements` collects the verdicts for the reports, and `markdown` writes docs/claims.md. `audit` checks the
printed numbers against one another.
"""
