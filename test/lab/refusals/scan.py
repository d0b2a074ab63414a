"""Asks every port of many addresses at once, as no `connect` could where a firewall is silent.

Runs in a network namespace, as root. Packets are written to the link itself, so that neither connection tracking nor a
firewall on this side has a say; a sender's address can be another's, for whom the link's owner would deliver it.

stdin: {"protocol": "tcp" | "udp", "targets": [address], "ports": [[first, last]], "source": {"ipv4": address, "ipv6":
address} or absent: this namespace's own, "device": name or absent: the route's, "perSecond": packets}
stdout: {"answers": {address: {"open": ports, "closed": ports}}, "packets": n, "seconds": s, "lost": whether the kernel threw
packets away each time}; ports as text, "22 20000-32000". "open" is a SYN-ACK; "closed" a RST or an ICMP error: the packet
came through, and nobody was there. UDP that is taken without a word is no answer.
"""

import ctypes
import ipaddress
import json
import socket
import struct
import subprocess
import sys
import time

SOURCE_PORT = 61616  # beyond what the kernel gives to programs
BATCH = 256
ROUNDS = 3
LAST_WAIT = 1.3  # a SYN-ACK that was not answered comes again after a second
SO_RCVBUFFORCE, SO_ATTACH_FILTER = 33, 26
TCP, UDP = 6, 17
ETHERNET = {4: 0x0800, 6: 0x86DD}


class Iovec(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]


class Message(ctypes.Structure):
    _fields_ = [
        ("name", ctypes.c_void_p),
        ("name_length", ctypes.c_uint),
        ("vectors", ctypes.c_void_p),
        ("count", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("control_length", ctypes.c_size_t),
        ("flags", ctypes.c_size_t),
        ("sent", ctypes.c_size_t),
    ]


libc = ctypes.CDLL(None, use_errno=True)


def ip(*words):
    return json.loads(subprocess.run(["ip", "-j", *words], check=True, stdout=subprocess.PIPE, timeout=10).stdout or "[]")


class Way:
    """How a target is reached: link, own address, and the hardware address that comes next."""

    def __init__(self, target, source, device):
        version = ipaddress.ip_address(target).version
        (route,) = ip("route", "get", target, *(["oif", device] if device else []))
        self.device = route["dev"]
        self.source = source.get("ipv%d" % version) or route["prefsrc"]
        self.hardware = self.neighbour(route.get("gateway", target), version)

    def neighbour(self, address, version):
        until = time.monotonic() + 5
        while True:
            with socket.socket(socket.AF_INET if version == 4 else socket.AF_INET6, socket.SOCK_DGRAM) as any_word:
                scope = (0, socket.if_nametoindex(self.device)) if version == 6 else ()
                any_word.sendto(b"", (address, 9, *scope))
            found = [entry["lladdr"] for entry in ip("neigh", "show", "to", address, "dev", self.device) if "lladdr" in entry]
            if found:
                return bytes.fromhex(found[0].replace(":", ""))
            if time.monotonic() > until:
                raise SystemExit("nobody has the address %s on %s" % (address, self.device))
            time.sleep(0.05)


def checksum(data):
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def template(protocol, source, target):
    """One packet to port 0. A sequence number (UDP: a payload) of 65535 - port keeps the checksum of all alike."""
    here, there = ipaddress.ip_address(source), ipaddress.ip_address(target)
    if protocol == TCP:
        segment = struct.pack("!HHIIBBHHH", SOURCE_PORT, 0, 0xFFFF, 0, 5 << 4, 2, 1024, 0, 0)
        at, place = 16, 4 + 2
    else:
        segment = struct.pack("!HHHHH", SOURCE_PORT, 0, 10, 0, 0xFFFF)
        at, place = 6, 8
    length = struct.pack("!I", len(segment)) if here.version == 6 else struct.pack("!H", len(segment))
    pseudo = here.packed + there.packed + length + (b"\0\0\0" if here.version == 6 else b"\0") + bytes([protocol])
    segment = segment[:at] + struct.pack("!H", checksum(pseudo + segment) or 0xFFFF) + segment[at + 2 :]
    if here.version == 6:
        header = struct.pack("!IHBB", 6 << 28, len(segment), protocol, 64) + here.packed + there.packed
    else:
        header = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(segment), 0, 0x4000, 64, protocol, 0) + here.packed + there.packed
        header = header[:10] + struct.pack("!H", checksum(header)) + header[12:]
    return header + segment, len(header) + 2, len(header) + place


class Volley:
    """Room for one packet to each port, and the kernel's list of them: made once for each length of a packet."""

    def __init__(self, size, count):
        self.packets = bytearray(size * count)
        self.held = (ctypes.c_char * len(self.packets)).from_buffer(self.packets)
        self.name = ctypes.create_string_buffer(20)
        start, step = ctypes.addressof(self.held), ctypes.sizeof(Iovec)
        self.vectors = (Iovec * count)(*((start + n * size, size) for n in range(count)))
        first, name = ctypes.addressof(self.vectors), ctypes.addressof(self.name)
        self.messages = (Message * count)(*((name, 20, first + n * step, 1, 0, 0, 0, 0) for n in range(count)))


class Sender:
    """All ports of one address in one go, again and again for the next."""

    def __init__(self, protocol, ports, per_second):
        self.protocol, self.count, self.pause = protocol, len(ports), BATCH / per_second
        rests = [0xFFFF - port for port in ports]
        self.columns = [bytes(n >> 8 for n in ports), bytes(n & 0xFF for n in ports)]
        self.columns += [bytes(n >> 8 for n in rests), bytes(n & 0xFF for n in rests)]
        self.volleys = {}

    def send(self, target, way, between):
        version = ipaddress.ip_address(target).version
        packet, port_at, rest_at = template(self.protocol, way.source, target)
        size = len(packet)
        if size not in self.volleys:
            self.volleys[size] = Volley(size, self.count)
        volley = self.volleys[size]
        volley.packets[:] = packet * self.count
        for at, column in zip((port_at, port_at + 1, rest_at, rest_at + 1), self.columns):
            volley.packets[at::size] = column
        index = socket.if_nametoindex(way.device)
        place = (socket.AF_PACKET, socket.htons(ETHERNET[version]), index, 0, 0, len(way.hardware), way.hardware)
        volley.name.raw = struct.pack("=HHiHBB8s", *place)
        with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0) as link:
            begin, done = time.monotonic(), 0
            while done < self.count:
                at = ctypes.addressof(volley.messages) + done * ctypes.sizeof(Message)
                sent = libc.sendmmsg(link.fileno(), ctypes.c_void_p(at), min(BATCH, self.count - done), 0)
                if sent < 0:
                    raise OSError(ctypes.get_errno(), "sendmmsg to %s" % target)
                done += sent
                between()
                ahead = begin + done / BATCH * self.pause - time.monotonic()
                if ahead > 0:
                    time.sleep(ahead)


def listener(version, device):
    """Takes what comes for our port, and ICMP."""
    link = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
    protocol_at, port_at, icmp = (9, 22, 1) if version == 4 else (6, 42, 58)
    program = [
        (0x30, 0, 0, protocol_at),  # the protocol
        (0x15, 3, 0, icmp),
        (0x15, 0, 3, TCP),
        (0x28, 0, 0, port_at),  # the port it is for
        (0x15, 0, 1, SOURCE_PORT),
        (0x06, 0, 0, 0xFFFF),
        (0x06, 0, 0, 0),
    ]
    code = b"".join(struct.pack("HBBI", *line) for line in program)
    held = ctypes.create_string_buffer(code)
    link.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HL", len(program), ctypes.addressof(held)))
    link.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20)
    link.bind((device, ETHERNET[version]))
    link.setblocking(False)
    return link


def ends(version, header):
    """From and to of a packet."""
    return (header[12:16], header[16:20]) if version == 4 else (header[8:24], header[24:40])


def answer_in(version, packet):
    """(address asked, address that asked, port, "open" | "closed") or None."""
    size = 20 if version == 4 else 40
    protocol = packet[9] if version == 4 else packet[6]
    if protocol == TCP:
        port, flags = struct.unpack_from("!H", packet, size)[0], packet[size + 13]
        word = "open" if flags & 0x12 == 0x12 else "closed" if flags & 0x04 else None
        return (*ends(version, packet), port, word) if word else None
    # ICMP's errors hold the packet that they are about.
    kind, about = packet[size], packet[size + 8 :]
    if kind != (3 if version == 4 else 1) or len(about) < size + 4:
        return None
    from_port, port = struct.unpack_from("!HH", about, size)
    return (*reversed(ends(version, about)), port, "closed") if from_port == SOURCE_PORT else None


def dropped():
    """Packets that this kernel threw away because it was behind."""
    with open("/proc/net/softnet_stat", encoding="ascii") as file:
        return sum(int(line.split()[1], 16) for line in file)


def text_of(ports):
    found, parts = sorted(ports), []
    for port in found:
        if parts and parts[-1][1] == port - 1:
            parts[-1][1] = port
        else:
            parts.append([port, port])
    return " ".join(str(first) if first == last else "%d-%d" % (first, last) for first, last in parts)


def main():
    asked = json.load(sys.stdin)
    ports = [port for first, last in asked["ports"] for port in range(first, last + 1)]
    ways = {target: Way(target, asked.get("source", {}), asked.get("device")) for target in asked["targets"]}
    versions = {target: ipaddress.ip_address(target).version for target in ways}
    listeners = {pair: listener(*pair) for pair in {(versions[target], way.device) for target, way in ways.items()}}
    sender = Sender({"tcp": TCP, "udp": UDP}[asked["protocol"]], ports, asked["perSecond"])
    packed = {target: tuple(ipaddress.ip_address(end).packed for end in (target, way.source)) for target, way in ways.items()}
    found = {(*two, word): set() for two in packed.values() for word in ("open", "closed")}

    def take():
        for (version, _), link in listeners.items():
            while True:
                try:
                    answer = answer_in(version, link.recv(2048))
                except BlockingIOError:
                    break
                # Another scan may be under way on this link, from another address.
                if answer and (answer[0], answer[1], answer[3]) in found:
                    found[answer[0], answer[1], answer[3]].add(answer[2])

    begin, packets, lost = time.monotonic(), 0, True
    for _ in range(ROUNDS):
        before = dropped()
        for target, way in ways.items():
            sender.send(target, way, take)
            packets += len(ports)
        until = time.monotonic() + LAST_WAIT
        while time.monotonic() < until:
            take()
            time.sleep(0.01)
        lost = dropped() != before
        if not lost:
            break
    answers = {
        target: {word: text_of(found[(*two, word)]) for word in ("open", "closed")} for target, two in packed.items()
    }
    seconds = round(time.monotonic() - begin, 1)
    json.dump({"answers": answers, "packets": packets, "seconds": seconds, "lost": lost}, sys.stdout)


main()
