"""By which code a store was made."""

from advkd.code import import_closure
from advkd.data.preparing_code import (
    CROPS,
    DRAWING,
    IMAGES,
    LABELLED_CROPS,
    ROOMS,
    is_of_today,
    preparing_code,
    preparing_module,
)


def test_readers_and_archives_count_and_downloads_do_not():
    modules = import_closure([IMAGES], ROOMS)
    assert {"advkd.data.readers.cifar", "advkd.data.archives.zip_archive", "advkd.data.images"} <= modules
    assert "advkd.data.archives.download" not in modules and not any("drawn" in name for name in modules)
    assert "advkd.data.drawn.shape_images" in import_closure([DRAWING], ROOMS)


def test_each_kind_of_store_has_its_own_code():
    settings = ({"dataset", "crops"}, {"dataset", "stored_size"}, {"dataset", "stored_size", "cut"})
    modules = [preparing_module(keys) for keys in settings]
    assert modules == [CROPS, IMAGES, LABELLED_CROPS]
    codes = {preparing_code(module, drawn) for module in modules for drawn in (False, True)}
    assert len(codes) == 6 and all(map(is_of_today, codes)) and not is_of_today("0" * 12)
