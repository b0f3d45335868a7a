"""What Rust's standard library cannot do: look at disks, hash, and unpack archives.

The first argument says what. The answer goes to standard output, progress to standard error; where something fails,
standard output has one line that says what, and the status is 1.
"""

import hashlib
import os
import shutil
import sys
import zipfile

BLOCK = 1 << 20


def free(folder):
    print(shutil.disk_usage(folder).free)


def sha256(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
    print(digest.hexdigest())


def unpack(wheel, folder, *rules):
    """Each rule is SOURCE=DESTINATION; where both end in a slash, all that is below."""
    os.umask(0o022)
    with zipfile.ZipFile(wheel) as archive:
        chosen = []
        for source, destination in (rule.split("=") for rule in rules):
            below = source.endswith("/")
            members = [m for m in archive.infolist() if (m.filename.startswith(source) if below else m.filename == source)]
            if not members:
                raise OSError(f"it holds no {source}")
            chosen += [(m, destination + m.filename[len(source):]) for m in members if not m.is_dir()]
        whole, done = sum(m.file_size for m, _ in chosen), 0
        for member, destination in chosen:
            path = os.path.join(folder, destination)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with archive.open(member) as packed, open(path, "wb") as file:
                while block := packed.read(BLOCK):
                    file.write(block)
                    done += len(block)
                    progress(done, whole)
    progress(None, whole)


def progress(done, whole):
    if not sys.stderr.isatty():
        return
    if done is None:
        sys.stderr.write("\n")
    else:
        sys.stderr.write(f"\r  {done // 1_000_000} of {whole // 1_000_000} MB")
    sys.stderr.flush()


try:
    {"free": free, "sha256": sha256, "unpack": unpack}[sys.argv[1]](*sys.argv[2:])
except (OSError, zipfile.BadZipFile) as problem:
    print(" ".join(str(problem).split()))
    sys.exit(1)
