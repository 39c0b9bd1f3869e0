"""The settings of every method, one module each, and the registry of methods. No torch: the workflow reads this.

A module here declares one method: a `MethodSettings` with the name that runs call it by, the papers whose runs may use
it, and where its loss is. `registered` finds it. A package from outside declares its own in the same way and names the
class in an entry point of the group `advkd.methods`.
"""
