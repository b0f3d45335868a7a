"""What can go wrong, as one type."""


class ExportError(Exception):
    """The model cannot be written, or what was written is not what the model computes. The message is for whoever called."""


def one_line(error):
    """The first line of what an exception says that is not empty, since those of torch fill screens."""
    for line in str(error).splitlines():
        if line.strip():
            return line.strip()
    return type(error).__name__
