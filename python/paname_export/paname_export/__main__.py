"""`python -m paname_export OLD.pt2 NEW.pt2`: rewrites an archive of `torch.export.save`."""

import argparse
import sys

from . import ExportError, rewrite


def main(arguments=None):
    """Runs the command; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m paname_export",
        description="Rewrites an archive of torch.export.save into one that PANAME reads without pickle. "
        "Opening archives of torch before 2.9 reads pickles, which run code: only do so with files that you trust.",
    )
    parser.add_argument("old", help="archive of torch.export.save")
    parser.add_argument("new", help="archive to write")
    parser.add_argument("--task", help='what the model does, such as "classification"')
    given = parser.parse_args(arguments)
    try:
        card = rewrite(given.old, given.new, task=given.task)
    except ExportError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    inputs = ", ".join(f"{x['name']} {x['shape']} {x['dtype']}" for x in card["inputs"])
    print(f"{given.new}: {inputs}; {len(card['layers'])} layers", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
