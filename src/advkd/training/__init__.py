"""The two training loops and everything that changes their numbers: views, mixing, recipe, seeding, parents."""
