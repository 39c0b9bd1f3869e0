from advkd.errors import LONGEST, UserError


def test_a_line_that_names_a_long_input_keeps_its_ends():
    for length in (10, LONGEST - 8, LONGEST, 40 * LONGEST):
        said = str(UserError(f"run {'x' * length}: x is unknown"))
        assert said.startswith("run x") and said.endswith("x: x is unknown") and len(said) <= LONGEST
        assert (" … " in said) == (length + len("run : x is unknown") > LONGEST)
