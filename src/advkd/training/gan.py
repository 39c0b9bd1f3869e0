"""The GAN loop: data order, logging, checkpoints, samples. The method decides what one iteration does.

Choices:
    - [okd: section 4] Printed: "total epoch is 50000". Here: as many iterations (`iterations`). Why: literal epochs are
      5.25 million iterations of nine networks.
    - [okd: section 4] Printed: ACGAN's "total epoch is 3000", batch 5. Here: as many images as SAGAN sees; evaluated
      after 3,000 iterations too (`iterations`, `early_iteration`). Why: 3,000 iterations are 5.7 passes, 3,000 passes
      1.6 million iterations; both readings stand in the table's CSV.
    - [okd] Open: which checkpoint is evaluated. Here: the last.
    - [okd] Open: noise of the evaluated images. Here: the same for all generators of a run.
    - [okd] Added: KID between neighbouring generators along the training. Why: that is what connectors act on; it is
      computed from images stored on the way (`curve_points`, `curve_fakes`), so that training does not load Inception.
"""

from typing import Any

import numpy as np
import torch

from advkd.data.store import Store
from advkd.errors import UserError
from advkd.methods.okd import GanEnsemble
from advkd.progress import Progress
from advkd.settings.gan import GanRun
from advkd.training.guard import Guard, check_weights
from advkd.training.seeding import Streams
from advkd.training.session import Session

SAMPLE_BATCH = 50  # the generator's attention takes 4 MB an image, several times
LOGGED_STEPS = 500


def train(session: Session[GanRun], store: Store) -> dict[str, Any]:
    """Train the session's GANs on a store to the end and write their weights and samples.

    Every random number of iteration `step` follows from (seed, step), so resuming anywhere repeats an undisturbed
    run's bits. Losses are read about LOGGED_STEPS times a run, because that waits for the device. The guard against
    non-finite values watches every step without waiting.

    Raises:
        Diverged: a loss or a weight became non-finite.
        UserError: the store holds less than a batch.
    """
    settings, device = session.settings, session.device
    batch, iterations = settings.training.batch, settings.training.iterations
    streams = Streams(settings.seed, session.generation)
    images = torch.from_numpy(np.array(store.images)).to(device)
    labels = torch.from_numpy(np.array(store.labels)).to(device)
    if batch > len(images):
        raise UserError(f"batch is {batch}, larger than the data set {store.meta['name']} of {len(images)} images")
    torch.manual_seed(streams.derive("initialisation"))
    gans = GanEnsemble(settings.base, settings.method, settings.adam, len(store.meta["classes"]), device)
    if (state := session.resume()) is not None:
        restore(gans, state)
    guard = Guard(iterations, device)

    def snapshot() -> dict[str, Any]:
        guard.check()
        return state_of(gans)

    every = max(1, iterations // LOGGED_STEPS)
    curve = curve_steps(settings)
    progress = Progress(session.document["run"], iterations, "iteration", session.step)
    while session.step < iterations:
        step = session.step
        index = streams.batch_indices(step, len(images), batch).to(device, non_blocking=True)
        torch.manual_seed(streams.derive("step", step))
        terms = gans.step(to_unit(images[index]), labels[index])
        guard.watch(step, terms)
        session.step = step + 1
        if session.step % every == 0 or session.step == iterations:
            guard.check()
            values = {name: float(value) for name, value in terms.items()}
            row = {name: f"{value:.6g}" for name, value in values.items()}
            session.history.append({"iteration": session.step, **row})
            rate = (session.step - progress.start) * batch / progress.seconds
            progress.update(session.step, gans.brief(values), f"{rate:.0f} images/s")
        if session.step in curve:
            session.keep_samples(f"curve{session.step}", draw(gans, streams, settings.evaluation.curve_fakes))
        if session.step == settings.training.early_iteration:
            session.keep_samples("early", draw(gans, streams, settings.evaluation.fakes))
        session.save_if_due(snapshot)
    progress.close()
    weights = {}
    for name, network in gans.networks.items():
        weights.update({f"{name}.{key}": value.contiguous() for key, value in network.state_dict().items()})
    check_weights(session.step, weights)
    session.write_weights("last", {name: value.cpu() for name, value in weights.items()})
    session.save(snapshot())
    gather_samples(session, gans, curve)
    return {"steps": session.step}


def state_of(gans: GanEnsemble) -> dict[str, Any]:
    """Return what a checkpoint holds."""
    return {
        "networks": {name: network.state_dict() for name, network in gans.networks.items()},
        "optimizers": {name: optimizer.state_dict() for name, optimizer in gans.optimizers.items()},
    }


def restore(gans: GanEnsemble, state: dict[str, Any]) -> None:
    """Take over what a checkpoint holds."""
    for name, network in gans.networks.items():
        network.load_state_dict(state["networks"][name])
    for name, optimizer in gans.optimizers.items():
        optimizer.load_state_dict(state["optimizers"][name])


def to_unit(images: torch.Tensor) -> torch.Tensor:
    """Turn uint8 (B, H, W, 3) into float (B, 3, H, W) in [-1, 1]."""
    return images.permute(0, 3, 1, 2).float().div_(127.5).sub_(1)


def curve_steps(settings: GanRun) -> list[int]:
    """Return the iterations after which sets are sampled for comparison with one another."""
    points = settings.evaluation.curve_points
    if settings.method.sets < 2 or points == 0:
        return []
    steps = np.linspace(0, settings.training.iterations, points + 1)[1:]
    return sorted({int(step) for step in steps} - {0})


def draw(gans: GanEnsemble, streams: Streams, count: int) -> dict[str, np.ndarray]:
    """Sample `count` uint8 (count, H, W, 3) images of every generator, from the same noise and, for ACGAN, labels.

    The training's random numbers are not disturbed.
    """
    noise = torch.randn(count, gans.z, generator=streams.generator("samples"))
    labels = torch.arange(count) % gans.classes if gans.conditional else None
    arrays = {}
    for number in range(len(gans.generators)):
        chunks = []
        for start in range(0, count, SAMPLE_BATCH):
            chunk = slice(start, start + SAMPLE_BATCH)
            of_chunk = None if labels is None else labels[chunk].to(gans.device)
            chunks.append(gans.sample(number, noise[chunk].to(gans.device), of_chunk))
        arrays[f"G{number + 1}"] = torch.cat(chunks).numpy()
    if labels is not None:
        arrays["labels"] = labels.numpy()
    return arrays


def gather_samples(session: Session[GanRun], gans: GanEnsemble, curve: list[int]) -> None:
    """Write the final samples, the early ones and those of the curve."""
    settings = session.settings
    arrays = draw(gans, Streams(settings.seed, session.generation), settings.evaluation.fakes)
    names = [f"G{number}" for number in range(1, settings.method.sets + 1)]
    if settings.training.early_iteration:
        early = session.kept_samples("early", names)
        arrays.update({f"early/{name}": images for name, images in zip(names, early, strict=True)})
    if curve:
        moments = [session.kept_samples(f"curve{step}", names) for step in curve]
        arrays["curve_steps"] = np.array(curve)
        for number, name in enumerate(names):
            arrays[f"curve/{name}"] = np.stack([moment[number] for moment in moments])
    session.write_arrays("samples", arrays)
