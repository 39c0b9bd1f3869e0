"""Times steps that take turns, in CPU seconds of one thread, and the limit of a step: what its convolutions take alone.

Other work on the machine slows all steps alike, so ratios of medians mean something where seconds do not.
"""

import statistics
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from advkd.runs.allocator import keep_freed_memory

CONVOLUTIONS = (torch.ops.aten.convolution, torch.ops.aten.convolution_backward)


def prepare() -> None:
    """Compute as a training does on a CPU: on one thread, and with freed memory kept."""
    torch.set_num_threads(1)
    keep_freed_memory()


def medians(steps: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Return the median CPU seconds of each step over `rounds` rounds, after a round that warms up."""
    seconds: dict[str, list[float]] = {name: [] for name in steps}
    for number in range(rounds + 1):
        for name, step in steps.items():
            start = time.process_time()
            step()
            if number:
                seconds[name].append(time.process_time() - start)
    return {name: statistics.median(values) for name, values in seconds.items()}


class Limit(NamedTuple):
    """What a step's convolutions take alone: CPU seconds, and their floating-point operations."""

    seconds: float
    flops: float

    def __str__(self) -> str:
        return (
            f"{1e3 * self.seconds:.0f} ms: its convolutions alone, {self.flops / 1e9:.1f} GFLOP at"
            f" {self.flops / 1e9 / self.seconds:.0f} GFLOP/s"
        )


def limit(step: Callable[[], object], rounds: int) -> Limit:
    """Return the limit of a step: each of its convolutions, forward and backward, computed alone on equal shapes."""
    with _Convolutions() as recorded:
        step()
    calls = {call: _repeat(*call) for call in recorded.calls}
    once = medians(calls, rounds)
    seconds = sum(number * once[call] for call, number in recorded.calls.items())
    return Limit(seconds, recorded.flops)


class _Shape(NamedTuple):
    """What decides the time of a convolution of a tensor."""

    size: tuple[int, ...]
    stride: tuple[int, ...]
    dtype: torch.dtype

    def random(self) -> Tensor:
        needed = 1 + sum((number - 1) * step for number, step in zip(self.size, self.stride, strict=True))
        return torch.randn(needed, dtype=self.dtype).as_strided(self.size, self.stride)


class _Convolutions(TorchDispatchMode):
    """Counts equal convolutions of a step, and their floating-point operations by PyTorch's formulas."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: Counter[tuple[Any, tuple]] = Counter()
        self.flops = 0.0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        if func.overloadpacket in CONVOLUTIONS:
            self.calls[func, tuple(map(_described, args))] += 1
            self.flops += flop_registry[func.overloadpacket](*args, out_val=result)
        return result


def _described(value: object) -> object:
    if isinstance(value, Tensor):
        return _Shape(tuple(value.shape), value.stride(), value.dtype)
    return tuple(value) if isinstance(value, list) else value


def _repeat(func: Any, described: tuple) -> Callable[[], object]:
    arguments = [value.random() if isinstance(value, _Shape) else value for value in described]
    return lambda: func(*arguments)
