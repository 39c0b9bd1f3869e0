"""Splits that keep the images of one scene together, where a user says which these are.

Photos of one bridge, patient or film are alike. If some of them are trained on and others evaluated on, the evaluation
measures memory. A user says scenes by subfolders: CLASS/SCENE/IMAGE. Subfolders of one name are one scene, also in
several classes. An image directly in its class's folder is a scene of its own, and a subfolder that holds all images of
its class is none. Without such subfolders a split is drawn image by image.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from advkd.progress import say


def scene_of(name: str) -> str | None:
    """Return the scene of an image of a user's folder, by its name CLASS/SCENE/IMAGE; None: it has none."""
    return "/".join(name.split("/")[1:-1]) or None


def draw_held_out(
    scenes_by_class: Mapping[str, Sequence[str | None]], fraction: float, seed: np.random.SeedSequence
) -> dict[str, set[int]]:
    """Draw the images of each class to hold out: whole scenes, and single images of those without a scene.

    Args:
        scenes_by_class: the scene of each image, by class; None: the image has none.
        fraction: the fraction of each class to hold out; at least one image of two or more, and never all of them.
            Scenes are taken whole, so it is only met as closely as they allow.
        seed: the seed of the draw.

    Returns:
        By class, the places of the images to hold out in the sequence of the class.
    """
    single = {name for name, scenes in scenes_by_class.items() if len(set(scenes)) < 2}
    scenes = _count_scenes({name: of_class for name, of_class in scenes_by_class.items() if name not in single})
    totals = {name: len(of_class) for name, of_class in scenes_by_class.items()}
    of_scenes = np.random.SeedSequence(seed.entropy, spawn_key=(*seed.spawn_key, 0))
    chosen = _choose_scenes(scenes, totals, fraction, np.random.Generator(np.random.PCG64(of_scenes)))
    if scenes:
        say(f"images in subfolders of their class are taken as scenes: {len(chosen)} of {len(scenes)} are held out")
    # The images without scenes are drawn as if there were no scenes anywhere.
    rng = np.random.Generator(np.random.PCG64(seed))
    held_out: dict[str, set[int]] = {}
    for name, of_class in scenes_by_class.items():
        whole = {place for place, scene in enumerate(of_class) if scene in chosen and name not in single}
        loose = [place for place, scene in enumerate(of_class) if scene is None or name in single]
        if of_class and not whole and not loose:
            say(f"no scene of the class {name!r} can be held out: it is split by image")
            loose = list(range(len(of_class)))
        elif scenes and name in single and of_class[0] is not None:
            say(f"the class {name!r} has one scene: it is split by image")
        least = 0 if whole else 1
        most = len(loose) - (len(whole) + len(loose) == len(of_class))
        count = min(max(round(fraction * len(loose)), least), most)
        drawn = rng.permutation(len(loose))[:count].tolist() if count > 0 else []
        held_out[name] = whole | {loose[number] for number in drawn}
    return held_out


def _count_scenes(scenes_by_class: Mapping[str, Sequence[str | None]]) -> dict[str, Counter[str]]:
    """Return how many images of each class a scene has, by scene."""
    scenes: dict[str, Counter[str]] = {}
    for name, of_class in scenes_by_class.items():
        for scene in of_class:
            if scene is not None:
                scenes.setdefault(scene, Counter())[name] += 1
    return scenes


def _choose_scenes(
    scenes: Mapping[str, Counter[str]], totals: Mapping[str, int], fraction: float, rng: np.random.Generator
) -> set[str]:
    """Return the scenes to hold out.

    In random order, each scene is taken that brings the numbers of images closer to the fraction. Then a class without
    a held-out image gets the scene that overshoots least. Every class keeps an image to train on.
    """
    names = sorted(scenes)
    order = [names[number] for number in rng.permutation(len(names))]
    wanted: Counter[str] = Counter()
    for sizes in scenes.values():
        wanted.update(sizes)
    target = {name: fraction * count for name, count in wanted.items()}
    taken: Counter[str] = Counter()
    chosen: set[str] = set()

    def closer(scene: str) -> float:
        return sum(
            abs(target[name] - taken[name]) - abs(target[name] - taken[name] - size)
            for name, size in scenes[scene].items()
        )

    def can_go(scene: str) -> bool:
        return all(taken[name] + size < totals[name] for name, size in scenes[scene].items())

    def take(scene: str) -> None:
        chosen.add(scene)
        taken.update(scenes[scene])

    for scene in order:
        if can_go(scene) and closer(scene) > 0:
            take(scene)
    for name in sorted(wanted):
        candidates = [scene for scene in order if scenes[scene][name] and can_go(scene)]
        if not taken[name] and candidates:
            take(max(candidates, key=closer))
    return chosen
