"""Becomes a task that runs on this machine, and tries things: in its namespaces and its root, as its user, with its rights.

A task of the exec driver finds no program in its root with which it could be asked itself. This one is loaded before it
enters. Input: {"job", "task", "tries": [{"kind", …}]}; writes what came of each, in their order.
"""

import ctypes
import encodings.idna  # noqa: F401  what connecting to a name would load only then
import errno
import http.client
import json
import os
import socket
import ssl
import stat
import struct
import traceback

LIMIT = 2
LIBC = ctypes.CDLL(None, use_errno=True)
NAMESPACES = ("net", "uts", "ipc", "pid", "mnt")
PR_SET_KEEPCAPS, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 8, 24, 38
CAPABILITIES_V3 = 0x20080522
MS_BIND = 4096


def sure(result, what):
    if result != 0:
        raise OSError(ctypes.get_errno(), what)


def text(path):
    with open(path, "rb") as file:
        return file.read().decode("utf-8", "replace")


def find(job, task):
    """The first process of a task: number 1 in a namespace of its own."""
    wanted = {"NOMAD_JOB_ID=" + job, "NOMAD_TASK_NAME=" + task}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            own = text("/proc/%s/status" % pid).split("NSpid:")[1].split("\n")[0].split()
            if own[-1] == "1" and len(own) > 1 and wanted <= set(text("/proc/%s/environ" % pid).split("\0")):
                return int(pid)
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
    raise SystemExit("the task %s of job %s does not run here" % (task, job))


def status_of(pid):
    return dict(line.split(":\t", 1) for line in text("/proc/%d/status" % pid).splitlines() if ":\t" in line)


def enter(pid):
    """All of its namespaces, and its root. The namespace of processes is that of children to come."""
    status = status_of(pid)
    spaces = [os.open("/proc/%d/ns/%s" % (pid, name), os.O_RDONLY) for name in NAMESPACES]
    root = os.open("/proc/%d/root" % pid, os.O_PATH)
    for space in spaces:
        sure(LIBC.setns(space, 0), "setns")
        os.close(space)
    os.fchdir(root)
    os.close(root)
    os.chroot(".")
    os.chdir("/")
    return status


def become(status):
    """Its user, and no right more than its own."""
    own = {name: int(status[name], 16) for name in ("CapEff", "CapPrm", "CapBnd")}
    for number in range(64):
        if not own["CapBnd"] >> number & 1:
            LIBC.prctl(PR_CAPBSET_DROP, number, 0, 0, 0)
    sure(LIBC.prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0), "prctl")
    os.setgroups([int(group) for group in status["Groups"].split()])
    os.setresgid(*[int(group) for group in status["Gid"].split()[:3]])
    os.setresuid(*[int(user) for user in status["Uid"].split()[:3]])
    if status["NoNewPrivs"].strip() == "1":
        sure(LIBC.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl")
    header = struct.pack("Ii", CAPABILITIES_V3, 0)
    halves = [(own["CapEff"] >> shift & 0xFFFFFFFF, own["CapPrm"] >> shift & 0xFFFFFFFF, 0) for shift in (0, 32)]
    sure(LIBC.capset(header, struct.pack("6I", *[part for half in halves for part in half])), "capset")


def tcp(one):
    with socket.create_connection((one["host"], one["port"]), LIMIT):
        return "open"


def request(one):
    """The status. `unix` is a path in the task's root."""

    class Connection(http.client.HTTPConnection):
        def connect(self):
            if "unix" in one:
                self.sock = socket.socket(socket.AF_UNIX)
                self.sock.settimeout(LIMIT)
                self.sock.connect(one["unix"])
                return
            self.sock = socket.create_connection((one["host"], one["port"]), LIMIT)
            if one.get("tls", True):
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
                context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
                self.sock = context.wrap_socket(self.sock)

    connection = Connection("localhost", timeout=LIMIT)
    try:
        connection.request("GET", one["path"], headers=headers(one))
        return connection.getresponse().status
    finally:
        connection.close()


def headers(one):
    """`tokens`: headers whose value is a file's content, or a variable's of the task ("$NAME")."""
    found = dict(one.get("headers", {}))
    for name, where in one.get("tokens", {}).items():
        found[name] = (ENVIRONMENT[where[1:]] if where.startswith("$") else text(where)).strip()
    return found


def read(one):
    if stat.S_ISDIR(os.stat(one["path"]).st_mode):
        return "read" if os.listdir(one["path"]) else "empty"
    with open(one["path"], "rb") as file:
        file.read(1)
    return "read"


def write(one):
    os.close(os.open(one["path"], os.O_WRONLY))
    return "written"


def act(one):
    """What a task has no right to, by the name of the call."""
    what = one["what"]
    if what == "be root":
        os.setresuid(0, 0, 0)
    elif what == "be another user":
        os.setresuid(1, 1, 1)
    elif what == "another root":
        os.chroot("/alloc")
    elif what == "mount":
        sure(LIBC.mount(b"/alloc", b"/local", None, MS_BIND, None), "mount")
    elif what == "make a device":
        os.mknod("/alloc/tmp/device", 0o600 | stat.S_IFBLK, os.makedev(8, 0))
    elif what == "raw socket":
        socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP).close()
    elif what == "packets of a device":
        socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0).close()
    elif what == "rules of the filter":
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12) as link:
            link.bind((0, 0))
            # NFT_MSG_DELTABLE of every table, between the begin and the end of a batch.
            batch = [(16, 1, 0), (0xA02, 5, 1), (17, 1, 0)]
            link.send(b"".join(struct.pack("=IHHIIBBH", 20, *one[:2], 1, 0, one[2], 0, 0x0A00) for one in batch))
            link.settimeout(LIMIT)
            answer = link.recv(4096)
            code = struct.unpack_from("=i", answer, 16)[0]
            if code < 0:
                raise OSError(-code, what)
    elif what == "a low port":
        with socket.socket() as server:
            server.bind(("127.0.0.1", 1023))
    else:
        raise SystemExit("nobody knows how to " + what)
    return "done"


def sockets(_):
    """Sockets in its tree, and those with a name of no file on which somebody listens."""
    found = []
    for folder, folders, files in os.walk("/"):
        folders[:] = [name for name in folders if os.path.join(folder, name) not in ("/proc", "/sys", "/dev")]
        for name in files:
            path = os.path.join(folder, name)
            if stat.S_ISSOCK(os.lstat(path).st_mode):
                found.append(path)
    lines = [line.split() for line in text("/proc/net/unix").splitlines()[1:]]
    abstract = [line[7] for line in lines if len(line) > 7 and line[7].startswith("@") and int(line[3], 16) & 0x10000]
    return sorted(found + abstract)


def processes(_):
    """Users of all processes that it sees, but this one."""
    pids = [pid for pid in os.listdir("/proc") if pid.isdigit() and int(pid) != os.getpid()]
    return sorted({int(status_of(int(pid))["Uid"].split()[0]) for pid in pids})


KINDS = {"tcp": tcp, "request": request, "read": read, "write": write, "act": act, "sockets": sockets, "processes": processes}


def tried(one):
    try:
        return KINDS[one["kind"]](one)
    except TimeoutError:
        return "silent"
    except ssl.SSLError as error:
        return "TLS: " + (error.reason or str(error))
    except OSError as error:
        return errno.errorcode.get(error.errno, str(error))


def begin(work):
    """Another process that does it: its number, and where it writes what came of it."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid != 0:
        os.close(writer)
        return pid, reader
    try:
        os.close(reader)
        with os.fdopen(writer, "w", encoding="utf-8") as out:
            out.write(json.dumps(work()))
        os._exit(0)
    except BaseException:
        traceback.print_exc()
        os._exit(1)


def end(pid, reader):
    with os.fdopen(reader, encoding="utf-8") as answers:
        told = answers.read()
    if os.waitpid(pid, 0)[1] != 0:
        raise SystemExit("what should be the task did not get that far")
    return json.loads(told)


asked = bundle["input"]  # noqa: F821  given by whoever runs this
PID = find(asked["job"], asked["task"])
ENVIRONMENT = dict(part.split("=", 1) for part in text("/proc/%d/environ" % PID).split("\0") if "=" in part)


def within():
    become(status)
    # Each by itself: what should have failed must not help the next. And at once: silence takes its time.
    begun = [begin(lambda one=one: tried(one)) for one in asked["tries"]]
    return [end(*one) for one in begun]


status = enter(PID)
print(json.dumps(end(*begin(within))))
