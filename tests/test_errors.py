from advkd.errors import MAX_LENGTH, UserError


def test_the_middle_of_a_long_message_is_left_out():
    for length in (10, MAX_LENGTH - 8, MAX_LENGTH, 40 * MAX_LENGTH):
        message = str(UserError(f"run {'x' * length}: x is unknown"))
        assert message.startswith("run x") and message.endswith("x: x is unknown") and len(message) <= MAX_LENGTH
        assert (" … " in message) == (length + len("run : x is unknown") > MAX_LENGTH)
