"""Any text as characters that can be shown: names of classes are those of a user's folders, and may hold anything."""


def printable(text: str) -> str:
    """Return a text in which what cannot be shown stands as its code; line breaks stay.

    These are control characters, also those that turn the direction of writing, and the bytes of a name that is no
    UTF-8: \\udcXX.
    """
    return "".join(character if character.isprintable() or character == "\n" else code(character) for character in text)


def printable_line(text: str) -> str:
    """Return a text as `printable` does, with its line breaks as codes too."""
    return printable(text).replace("\n", "\\n")


def code(character: str) -> str:
    """Return the code of a character, for example \\u202e."""
    return character.encode("unicode_escape").decode()
