"""The GAN loop: data order, logging, checkpoints, samples. What one iteration does is the method's affair.

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
from advkd.training import seeding
from advkd.training.guard import Guard, check_weights
from advkd.training.session import Session

SAMPLE_BATCH = 50  # the generator's attention takes 4 MB an image, several times
LOGGED_STEPS = 500


def train(session: Session, store: Store) -> dict[str, Any]:
    """Train the session's GANs on a store to the end and write their weights and samples.

    Every random number of iteration `step` follows from (seed, step), so resuming anywhere repeats an undisturbed
    run's bits. Losses are looked at (a device synchronisation) about LOGGED_STEPS times a run; the guard against
    non-finite values watches every step without one.

    Raises:
        Diverged: a loss or a weight became non-finite.
        UserError: the store holds less than a batch.
    """
    s, device = session.settings, session.device
    images = torch.from_numpy(np.array(store.images)).to(device)
    labels = torch.from_numpy(np.array(store.labels)).to(device)
    if s.batch > len(images):
        raise UserError(f"batch is {s.batch}, larger than the data set {store.meta['name']} of {len(images)} images")
    torch.manual_seed(seeding.derive(s.seed, "initialisation"))
    gans = GanEnsemble(s, len(store.meta["classes"]), device)
    state = session.resume()
    if state is not None:
        for kind in ("networks", "optimizers"):
            for name, part in getattr(gans, kind).items():
                part.load_state_dict(state[kind][name])

    def snapshot() -> dict[str, Any]:
        guard.check()
        return {
            kind: {name: part.state_dict() for name, part in getattr(gans, kind).items()}
            for kind in ("networks", "optimizers")
        }

    every = max(1, s.iterations // LOGGED_STEPS)
    curve = curve_steps(s)
    guard = Guard(s.iterations, device)
    progress = Progress(session.document["run"], s.iterations, "iteration", session.step)
    while session.step < s.iterations:
        step = session.step
        index = seeding.batch_indices(s.seed, step, len(images), s.batch).to(device)
        torch.manual_seed(seeding.derive(s.seed, "step", step))
        terms = gans.step(to_unit(images[index]), labels[index])
        guard.watch(step, terms)
        session.step = step + 1
        if session.step % every == 0 or session.step == s.iterations:
            guard.check()
            values = {name: float(value) for name, value in terms.items()}
            session.history.append({"iteration": session.step, **{k: f"{v:.6g}" for k, v in values.items()}})
            seen = (session.step - progress.start) * s.batch / progress.seconds
            progress.update(session.step, brief(values), f"{seen:.0f} images/s")
        if session.step in curve:
            session.keep_samples(f"curve{session.step}", draw(gans, s, device, s.curve_fakes))
        if session.step == s.early_iteration:
            session.keep_samples("early", draw(gans, s, device, s.fakes))
        session.save_if_due(snapshot)
    progress.close()
    weights = {
        f"{net}.{k}": v.contiguous() for net, part in gans.networks.items() for k, v in part.state_dict().items()
    }
    check_weights(session.step, weights)
    session.write_weights("last", {name: value.cpu() for name, value in weights.items()})
    session.save(snapshot())
    gather_samples(session, gans, s, device, curve)
    return {"status": "done", "steps": session.step}


def to_unit(images: torch.Tensor) -> torch.Tensor:
    """Turn uint8 (B, H, W, 3) into float (B, 3, H, W) in [-1, 1]."""
    return images.permute(0, 3, 1, 2).float().div_(127.5).sub_(1)


def curve_steps(s: Any) -> list[int]:
    """Return the iterations after which sets are sampled for comparison with one another."""
    if s.sets < 2 or s.curve_points == 0:
        return []
    return sorted({int(step) for step in np.linspace(0, s.iterations, s.curve_points + 1)[1:]} - {0})


def draw(gans: GanEnsemble, s: Any, device: torch.device, count: int) -> dict[str, np.ndarray]:
    """Sample `count` uint8 (count, H, W, 3) images of every generator, from the same noise and, for ACGAN, labels.

    The training's random numbers are not disturbed.
    """
    noise = torch.randn(count, s.z, generator=seeding.generator(s.seed, "samples"))
    labels = torch.arange(count) % gans.classes if gans.conditional else None
    found = {}
    for number in range(1, s.sets + 1):
        chunks = [
            gans.sample(number - 1, part.to(device), None if labels is None else labels[at : at + len(part)].to(device))
            for at, part in zip(range(0, count, SAMPLE_BATCH), noise.split(SAMPLE_BATCH), strict=True)
        ]
        found[f"G{number}"] = torch.cat(chunks).numpy()
    if labels is not None:
        found["labels"] = labels.numpy()
    return found


def gather_samples(session: Session, gans: GanEnsemble, s: Any, device: torch.device, curve: list[int]) -> None:
    """Write the final samples, the early ones and those of the curve."""
    arrays = draw(gans, s, device, s.fakes)
    names = [f"G{number}" for number in range(1, s.sets + 1)]
    if s.early_iteration:
        early = session.kept_samples("early", names)
        arrays.update({f"early/{name}": images for name, images in zip(names, early, strict=True)})
    if curve:
        moments = [session.kept_samples(f"curve{step}", names) for step in curve]
        arrays["curve_steps"] = np.array(curve)
        for number, name in enumerate(names):
            arrays[f"curve/{name}"] = np.stack([moment[number] for moment in moments])
    session.write_arrays("samples", arrays)


def brief(values: dict[str, float]) -> str:
    """Return the losses for a progress line, averaged over the sets: D, C and G."""
    groups: dict[str, list[float]] = {}
    for name, value in values.items():
        if name.startswith("L_"):
            groups.setdefault(name[2], []).append(value)
    return " ".join(f"{role} {sum(found) / len(found):+.3f}" for role, found in groups.items())
