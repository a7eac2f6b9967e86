"""What a command may try to get out of its walls: one script for each way. Each says so if it thinks it got out.

``{outside}``, ``{home}`` and ``{work}`` are folders, ``{server}`` is the id of the server's process, ``{tcp}`` and
``{udp}`` are ports and ``{unix}`` and ``{abstract}`` sockets of somebody who listens. ``src/before`` in the work folder
is a link to the outside.
"""

from __future__ import annotations

OUT = "GOT OUT"
"""What an attempt says that thinks it worked."""

FILES = {
    "a path": "echo x > {outside}/path && echo GOT OUT",
    "two dots": "echo x > ../outside/dots && echo GOT OUT",
    "a link that is there": "echo x > src/before/before && echo GOT OUT",
    "a new link": "ln -s {outside} src/link && echo x > src/link/link && echo GOT OUT",
    "a hard link": "ln {outside}/file src/hard && echo x >> src/hard && echo GOT OUT",
    "a moved file": "mv {outside}/movable src/moved && echo GOT OUT",
    "a file moved there": "echo x > src/mine && mv src/mine {outside}/moved && echo GOT OUT",
    "a file that is made empty": "truncate -s 0 {outside}/file && echo GOT OUT",
    "the repository": "echo x >> .git/config && echo GOT OUT",
    "a hook": "echo x > .git/hooks/pre-commit && echo GOT OUT",
    "the settings of the project": "mkdir -p .codex && echo x > .codex/config.toml && echo GOT OUT",
    "the skills of the project": "echo x > .agents/skill && echo GOT OUT",
    "another name for the repository": "mv .git src/git && echo x > src/git/config && echo GOT OUT",
    "another name for the project": "mv {work} {work}2 && mkdir {work} && echo GOT OUT",
    "another name for a folder above": "mv {outside} {outside}2 && echo GOT OUT",
    "CODEX_HOME": "echo x >> {home}/config.toml && echo GOT OUT",
    "the threads of others": "echo x > {home}/sessions/x && echo GOT OUT",
    "the root of another process": "echo x > /proc/{server}/root{outside}/root && echo GOT OUT",
    "the root of the first process": "echo x > /proc/1/root{outside}/first && echo GOT OUT",
    "the folder of another process": "echo x > /proc/{server}/cwd/../../../../../../../..{outside}/cwd && echo GOT OUT",
}
"""Scripts of a shell that write where they may not."""

PROGRAMS = {
    "what the parents have open": """
import os, stat
for pid in filter(str.isdigit, os.listdir("/proc")):
    if int(pid) == os.getpid():
        continue
    try:
        for fd in os.listdir(f"/proc/{{pid}}/fd"):
            path = f"/proc/{{pid}}/fd/{{fd}}"
            where = os.readlink(path)
            if where.startswith(("{home}", "{outside}")):
                os.close(os.open(path, os.O_WRONLY | os.O_APPEND))
                print("GOT OUT", where)
    except OSError:
        pass
""",
    "what was left open": """
import os
for fd in range(3, 256):
    try:
        os.fstat(fd)
        print("GOT OUT", os.readlink(f"/proc/self/fd/{{fd}}"))
    except OSError:
        pass
""",
    "tracing": """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
pid = os.fork()  # tracing of others is off on many machines even without walls: a child stands for them
if pid == 0:
    os.read(os.pipe()[0], 1)
for each in (pid, {server}):
    if libc.ptrace(0x4206, each, 0, 0) == 0:
        print("GOT OUT by ptrace of", each)
    buffer = ctypes.create_string_buffer(8)
    vector = (ctypes.c_uint64 * 2)(ctypes.addressof(buffer), 8)
    if libc.process_vm_readv(each, vector, 1, vector, 1, 0) > 0:
        print("GOT OUT by process_vm_readv of", each)
    if libc.process_vm_writev(each, vector, 1, vector, 1, 0) > 0:
        print("GOT OUT by process_vm_writev of", each)
os.kill(pid, 9)
try:
    open("/proc/{server}/mem", "r+b")
    print("GOT OUT by mem")
except OSError:
    pass
""",
    "signals": """
import os, signal
for what in (lambda: os.kill({server}, 0), lambda: os.killpg(os.getpgid({server}), 0), lambda: os.kill(os.getppid(), 0)
             if os.getppid() > 1 and open(f"/proc/{{os.getppid()}}/cmdline").read().find("warden") >= 0 else 1 / 0,
             lambda: signal.pidfd_send_signal(os.pidfd_open({server}), 0)):
    try:
        what()
        print("GOT OUT")
    except (OSError, ZeroDivisionError):
        pass
""",
    "settings of the kernel": """
for path in ("/proc/sys/kernel/core_pattern", "/proc/sys/kernel/hostname", "/proc/{server}/oom_score_adj"):
    try:
        open(path, "r+").close()
        print("GOT OUT", path)
    except OSError:
        pass
""",
    "the network": """
import socket
def tcp(): socket.create_connection(("127.0.0.1", {tcp}), 5).sendall(b"x")
def udp(): socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("127.0.0.1", {udp}))
def unix(): socket.socket(socket.AF_UNIX).connect("{unix}")
def datagram(): socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b"x", "{unix}d")
def abstract(): socket.socket(socket.AF_UNIX).connect("\\0{abstract}")
def six(): socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
def raw(): socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
def netlink(): socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)
for way in (tcp, udp, unix, datagram, abstract, six, raw, netlink):
    try:
        way()
        print("GOT OUT by", way.__name__)
    except OSError:
        pass
""",
}
"""Programs in Python that reach for other processes and machines."""

RACE = """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
os.makedirs("src/real", exist_ok=True)
os.symlink("{outside}", "src/other")
print("swapping", flush=True)
while not os.path.exists("src/stop"):
    libc.renameat2(-100, b"src/real", -100, b"src/other", 2)  # what was a folder is a link, and back
"""
"""Swaps a folder and a link to the outside as fast as it can."""
