from advkd.artifacts.data_sources import describe_source

ARCHIVE = {"verified": "structure; checksum as first used", "content": "0123456789abcdef", "kind": "archive"}


def test_faulty_files_that_were_left_out_are_told():
    complete = describe_source(ARCHIVE)
    assert "without" not in complete
    assert describe_source({**ARCHIVE, "left_out": 1}) == f"{complete}, without 1 faulty file or box"
    assert describe_source({**ARCHIVE, "left_out": 12}) == f"{complete}, without 12 faulty files or boxes"
