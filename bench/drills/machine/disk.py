"""A file system of its own, and a small one, for a daemon's data, so that it can be full.

usage: disk.py small UNIT FOLDER | fill FOLDER | free FOLDER | large UNIT FOLDER

"small" moves the data into a file system in memory that leaves a few megabytes, "large" back; the unit is stopped
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


def used(folder):
    sizes = [os.lstat(os.path.join(at, name)).st_blocks for at, _, names in os.walk(folder) for name in names]
    return 512 * sum(sizes)


def copy(source, target):
    run("cp", "--archive", "--", source + "/.", target)


def small(unit, folder):
    run("systemctl", "stop", "--", unit)
    staging = folder + ".small"
    os.mkdir(staging, 0o700)
    copy(folder, staging)
    run("mount", "-t", "tmpfs", "-o", "size=%d" % (used(folder) + SPARE_BYTES), "tmpfs", folder)
    copy(staging, folder)
    shutil.rmtree(staging)
    run("systemctl", "start", "--", unit)


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


def large(unit, folder):
    run("systemctl", "stop", "--", unit)
    staging = folder + ".large"
    os.mkdir(staging, 0o700)
    copy(folder, staging)
    run("umount", folder)
    for name in os.listdir(folder):
        path = os.path.join(folder, name)
        shutil.rmtree(path) if os.path.isdir(path) else os.unlink(path)
    copy(staging, folder)
    shutil.rmtree(staging)
    run("systemctl", "start", "--", unit)


{"small": small, "fill": fill, "free": free, "large": large}[sys.argv[1]](*sys.argv[2:])
