"""Small file systems of their own for what a daemon writes, so that they can be full.

usage: disk.py small UNIT FOLDER... | fill UNIT FOLDER... | free UNIT FOLDER... | large UNIT FOLDER...

"small" moves the folders into file systems in memory that leave a few megabytes, "large" back; the unit is stopped
meanwhile. "fill" takes all that is left, "free" gives it back.
"""

import errno
import os
import shutil
import subprocess
import sys

SPARE_BYTES = 24 << 20
FILLER = ".filler"


def run(*argv):
    subprocess.run(argv, check=True, stdin=subprocess.DEVNULL)


def stopped(change):
    def around(unit, folders):
        run("systemctl", "stop", "--", unit)
        for folder in folders:
            change(folder)
        run("systemctl", "start", "--", unit)

    return around


def each(change):
    def over(_unit, folders):
        for folder in folders:
            change(folder)

    return over


def used(folder):
    sizes = [os.lstat(os.path.join(at, name)).st_blocks for at, _, names in os.walk(folder) for name in names]
    return 512 * sum(sizes)


def copy(source, target):
    run("cp", "--archive", "--", source + "/.", target)


def small(folder):
    staging = folder + ".small"
    os.mkdir(staging, 0o700)
    copy(folder, staging)
    run("mount", "-t", "tmpfs", "-o", "size=%d" % (used(folder) + SPARE_BYTES), "tmpfs", folder)
    copy(staging, folder)
    shutil.rmtree(staging)


def fill(folder):
    with open(os.path.join(folder, FILLER), "wb", buffering=0) as file:
        piece = bytes(1 << 16)
        while piece:
            try:
                file.write(piece)
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
                piece = piece[: len(piece) // 2]


def free(folder):
    os.unlink(os.path.join(folder, FILLER))


def large(folder):
    staging = folder + ".large"
    os.mkdir(staging, 0o700)
    copy(folder, staging)
    run("umount", folder)
    for name in os.listdir(folder):
        path = os.path.join(folder, name)
        shutil.rmtree(path) if os.path.isdir(path) else os.unlink(path)
    copy(staging, folder)
    shutil.rmtree(staging)


VERBS = {"small": stopped(small), "fill": each(fill), "free": each(free), "large": stopped(large)}
VERBS[sys.argv[1]](sys.argv[2], sys.argv[3:])
