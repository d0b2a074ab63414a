"""Files, commands and units of this machine, for the programs that set it up.

It is also installed beside leaf.py, which runs it without the library's loader.
"""

import contextlib
import fcntl
import grp
import os
import pwd
import stat
import subprocess
import tempfile
import time

try:
    from hashistack import Failure
except ImportError:  # installed on the machine

    class Failure(Exception):
        def __init__(self, sentence, log=""):
            super().__init__(sentence)
            self.log = log


# Every path of a plan lies below this; only tests put anything here.
ROOT = ""

# While this is true nothing is changed: what would be done is only answered.
looking = False

DUE = "/var/lib/hashistack/due"
PENDING = "/var/lib/hashistack/pending"


def at(path):
    return ROOT + path


def run(argv, stdin=None, limit=60, accept=(0,), env=None):
    """Runs a command and returns its standard output. `limit` in seconds."""
    try:
        done = subprocess.run(
            argv,
            input=stdin,
            stdin=None if stdin is not None else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            timeout=limit,
            text=True,
            errors="replace",
            env=dict(os.environ, LC_ALL="C.UTF-8", **(env or {})),
        )
    except FileNotFoundError:
        raise Failure("%s is not installed" % argv[0])
    except subprocess.TimeoutExpired as late:
        said = late.stderr or b""  # bytes, though texts were asked for
        raise Failure("%s not done within %d s" % (" ".join(argv[:3]), limit), said.decode("utf-8", "replace"))
    if done.returncode not in accept:
        raise Failure("%s ended with status %d" % (" ".join(argv[:3]), done.returncode), done.stdout[-2000:] + done.stderr)
    return done.stdout


def change(argv, **options):
    """Runs a command that changes something; not while this only looks."""
    return "" if looking else run(argv, **options)


def uid(name):
    try:
        return pwd.getpwnam(name).pw_uid
    except KeyError:
        raise Failure("user %s does not exist" % name)


def gid(name):
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        raise Failure("group %s does not exist" % name)


def name_of(number, table):
    try:
        return table(number)[0]
    except KeyError:
        return str(number)


def wrong_rights(found, owner, group, mode):
    """What is wrong with owner, group and mode of what os.stat found."""
    wrong = []
    owners = "%s:%s" % (name_of(found.st_uid, pwd.getpwuid), name_of(found.st_gid, grp.getgrgid))
    if owners != "%s:%s" % (owner, group):
        wrong.append("it belongs to %s, not to %s:%s" % (owners, owner, group))
    if stat.S_IMODE(found.st_mode) != mode:
        wrong.append("its mode is %04o, not %04o" % (stat.S_IMODE(found.st_mode), mode))
    return wrong


def wrong_file(path, content, owner, group, mode):
    """What is wrong with a file, in words; None when it is exactly so."""
    try:
        found = os.lstat(at(path))
    except FileNotFoundError:
        return "it is missing"
    if not stat.S_ISREG(found.st_mode):
        return "it is a link to " + os.readlink(at(path)) if stat.S_ISLNK(found.st_mode) else "it is no file"
    wrong = wrong_rights(found, owner, group, mode)
    same = found.st_size == len(content)
    if same:
        with open(at(path), "rb") as file:
            same = file.read() == content
    return " and ".join(wrong if same else ["its content was changed", *wrong]) or None


def write_file(*args, **options):
    """As put_file, but answers whether it changed."""
    return put_file(*args, **options) is not None


def put_file(path, content, owner="root", group="root", mode=0o644, before=None):
    """Makes a file exactly so, in one step; calls `before` just before it changes. Answers what was wrong, or None."""
    content = content.encode() if isinstance(content, str) else content
    wrong = wrong_file(path, content, owner, group, mode)
    if wrong is None or looking:
        return wrong
    if os.path.isdir(at(path)) and not os.path.islink(at(path)):
        raise Failure("%s is a directory, not a file" % path)
    if before:
        before()
    folder = os.path.dirname(at(path))
    os.makedirs(folder, exist_ok=True)
    handle, staged = tempfile.mkstemp(dir=folder, prefix=".hashistack-")  # 0600 from birth
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(content)
            os.fchown(out.fileno(), uid(owner), gid(group))
            os.fchmod(out.fileno(), mode)
            out.flush()
            os.fsync(out.fileno())
        os.replace(staged, at(path))
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(staged)
        raise
    return wrong


def read_file(path):
    """The text of a file, or None where there is none."""
    try:
        with open(at(path), encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        return None


def remove_file(path):
    """Answers whether there was one."""
    if looking:
        return os.path.lexists(at(path))
    try:
        os.unlink(at(path))
        return True
    except FileNotFoundError:
        return False


@contextlib.contextmanager
def lock(name, limit):
    """One at a time on this machine: a run that lost its connection may still be at work."""
    os.makedirs(at("/run/hashistack"), exist_ok=True)
    with open(at("/run/hashistack/%s.lock" % name), "w", encoding="utf-8") as file:
        until = time.monotonic() + limit
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > until:
                    raise Failure("another run holds %s for over %d s" % (name, limit))
                time.sleep(0.1)
        yield


PROPERTIES = (
    "LoadState,LoadError,ActiveState,SubState,UnitFileState,Type,InvocationID,Job,Result,"
    "ExecMainStartTimestampMonotonic,NeedDaemonReload,ConditionResult,ConditionTimestampMonotonic"
)


def unit_states(names):
    """{unit: {property: value}} of all of them, by one call."""
    names = list(dict.fromkeys(names))
    if not names:
        return {}
    text = run(["systemctl", "show", "--property=" + PROPERTIES, "--", *names])
    blocks = [dict(line.split("=", 1) for line in block.splitlines() if "=" in line) for block in text.strip().split("\n\n")]
    if len(blocks) != len(names):
        raise Failure("systemctl show answered for %d units of %d" % (len(blocks), len(names)), text)
    return dict(zip(names, blocks))


def is_up(state):
    """Runs, or is on its way to."""
    return state.get("ActiveState") in ("active", "activating", "reloading")


def journal(unit, lines=30):
    try:
        return run(["journalctl", "-u", unit, "-n", str(lines), "--no-pager", "-o", "cat"], limit=20)
    except Failure as failure:
        return "no journal of %s: %s" % (unit, failure)


class Notices:
    """What running units must still do about changes.

    A notice is on disk before the change is made, so a run that is cut loses none. `rollout` only leaves a mark, with the
    unit's invocation in it: the mark of a unit that has been restarted since is stale.
    """

    def __init__(self):
        self.marked = set()

    def note(self, notices):
        for notice in () if looking else notices:
            unit, action = notice["unit"], notice["action"]
            if (unit, action) in self.marked:
                continue
            self.marked.add((unit, action))
            if action == "rollout":
                state = unit_states([unit])[unit]
                if is_up(state):
                    write_file("%s/%s" % (PENDING, unit), state.get("InvocationID", "") + "\n", *me(), 0o600)
            else:
                write_file("%s/%s:%s" % (DUE, action, unit), "", *me(), 0o600)

    def due(self):
        """{unit: action}, the stronger where there are two."""
        found = {}
        for entry in listed(DUE):
            action, unit = entry.split(":", 1)
            if found.get(unit) != "restart":
                found[unit] = action
        return found

    def done(self):
        for entry in listed(DUE):
            remove_file("%s/%s" % (DUE, entry))

    def pending(self):
        """Units that wait for their turn to restart; stale marks go."""
        units = listed(PENDING)
        states = unit_states(units)
        waiting = []
        for unit in units:
            mark = (read_file("%s/%s" % (PENDING, unit)) or "").strip()
            if is_up(states[unit]) and states[unit].get("InvocationID", "") == mark:
                waiting.append(unit)
            else:
                remove_file("%s/%s" % (PENDING, unit))
        return waiting

    def carry_out(self, running):
        """Restarts and reloads those of `running` that are due, waits until the restarted began anew; answers what was done."""
        due = {unit: action for unit, action in self.due().items() if unit in running}
        if looking:
            return ["%s still to be told to %s" % told for told in sorted(due.items())]
        states = unit_states(due)
        # What is only on its way up cannot be told to reload, and may have read the old already.
        reload = sorted(unit for unit in due if due[unit] == "reload" and states[unit].get("ActiveState") == "active")
        restart = sorted(set(due) - set(reload))
        if restart:
            before = unit_states(restart)
            run(["systemctl", "restart", "--no-block", "--", *restart])
            until = time.monotonic() + 60
            while any(
                now.get("InvocationID") == before[unit].get("InvocationID") for unit, now in unit_states(restart).items()
            ):
                if time.monotonic() > until:
                    raise Failure("%s did not restart within 60 s" % ", ".join(restart), journal(restart[0]))
                time.sleep(0.05)
        if reload:
            run(["systemctl", "reload", "--", *reload])
        self.done()
        return ["%s %s" % (unit, "restarted" if unit in restart else "reloaded") for unit in restart + reload]


def listed(folder):
    try:
        return sorted(entry for entry in os.listdir(at(folder)) if not entry.startswith(".hashistack-"))
    except FileNotFoundError:
        return []


def me():
    """Owner and group of what is ours alone."""
    return pwd.getpwuid(os.geteuid()).pw_name, grp.getgrgid(os.getegid()).gr_name
