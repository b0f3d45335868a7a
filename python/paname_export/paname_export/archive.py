"""The zip file: three entries, stored as they are, each beginning at a multiple of 64 bytes, the same bytes for the same content."""

import contextlib
import json
import os
import tempfile
import zipfile

from .errors import ExportError
from .safetensors import ALIGNMENT

CARD = "paname/card.json"
MODEL = "paname/models/model.json"
WEIGHTS = "paname/data/weights/model.safetensors"

#: What one entry may hold before its sizes take eight bytes.
_LARGE = (1 << 31) - 1


@contextlib.contextmanager
def replacing(path):
    """A new file that takes the place of `path` when the block ends well, and is gone when it does not."""
    path = os.fspath(path)
    folder = os.path.dirname(os.path.abspath(path))
    try:
        if os.path.isdir(path):
            raise IsADirectoryError(f"{path} is a folder")
        handle, beside = tempfile.mkstemp(prefix=f".{os.path.basename(path)}.", dir=folder)
    except OSError as error:
        raise ExportError(f"{path} cannot be written: {error}") from None
    os.close(handle)
    try:
        yield beside
        # Temporary files are for their owner alone; what takes the place is as any new file is.
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(beside, 0o666 & ~mask)
        os.replace(beside, path)
    except OSError as error:
        raise ExportError(f"{path} cannot be written: {error}") from None
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.remove(beside)


def write(path, card, model, weights):
    """Writes an archive: two documents, and the weights as their size and pieces."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, value in ((CARD, card), (MODEL, model)):
            document = json.dumps(value, separators=(",", ":"), allow_nan=False).encode()
            _entry(archive, name, len(document), [document])
        _entry(archive, WEIGHTS, *weights)


def read(path):
    """Card, model and the bytes of the weights."""
    try:
        with zipfile.ZipFile(path) as archive:
            card, model = (json.loads(archive.read(name)) for name in (CARD, MODEL))
            return card, model, archive.read(WEIGHTS)
    except (zipfile.BadZipFile, KeyError, ValueError) as error:
        raise ExportError(f"{path} is no archive of paname_export: {one_of(error)}") from None


def one_of(error):
    """What is said of an exception of the standard library."""
    return str(error).strip("'\"") or type(error).__name__


def _entry(archive, name, size, pieces):
    """Writes an entry whose first byte is at a multiple of the alignment."""
    info = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
    info.external_attr = 0o644 << 16
    large = size > _LARGE
    # Thirty bytes before the name; four before the padding; twenty with the sizes of a large entry.
    begin = archive.fp.tell() + 30 + len(name) + 4 + (20 if large else 0)
    padding = -begin % ALIGNMENT
    info.extra = b"\xfe\xca" + padding.to_bytes(2, "little") + bytes(padding)
    info.file_size = size
    with archive.open(info, "w", force_zip64=large) as entry:
        for piece in pieces:
            entry.write(piece)
