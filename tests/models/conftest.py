from torch_state import _torch_state  # noqa: F401  (a fixture)
