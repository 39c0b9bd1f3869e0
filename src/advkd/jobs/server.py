"""The server of jobs: `python -m advkd.jobs.server LISTENER RULE …`, started by `launch.start`.

`advkd.jobs` explains it. The server is one loop without threads. A child leaves this loop with the request that it
was forked for, and runs it when the server's variables are gone.
"""

import atexit
import contextlib
import ctypes
import gc
import importlib
import io
import marshal
import os
import runpy
import selectors
import shutil
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import advkd

PACKAGE = Path(advkd.__file__).parent
ROOM = " " * 4000  # the last argument; a job writes its own command line over that of the server
ACCEPTED, REFUSED = b"y", b"n"
LENGTH = 4  # bytes of a message's length and of a job's exit code
DESCRIPTORS = 4  # the three standard streams and the working folder
PATIENCE = 10.0  # seconds that a client may take to send its request
PR_SET_PDEATHSIG = 1
FLUSH_FAILED = 120  # Python's exit code where the last lines of its output cannot be written
# Variables that may differ between the server and a job, because they are read when they are used.
FREE = {b"TMPDIR", b"TMP", b"TEMPDIR", b"TEMP", b"PWD", b"OLDPWD", b"SHLVL", b"_"}
# Signals that are for the jobs. They reach the server only where all processes of a scheduler's job get them.
NOT_OURS = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2, signal.SIGTERM)
Stamps = dict[str, tuple[int, ...] | None]


@dataclass(frozen=True)
class Request:
    """What a client sent.

    Attributes:
        command: the command, `python -m MODULE [ARGUMENT …]`.
        environment: its environment.
        umask: its umask.
        ignored: the signals that it ignores.
        descriptors: its standard streams and its working folder.
    """

    command: list[bytes]
    environment: dict[bytes, bytes]
    umask: int
    ignored: list[int]
    descriptors: list[int]

    def close(self) -> None:
        """Close the descriptors."""
        for number in self.descriptors:
            os.close(number)


class Server:
    """Forks jobs, forwards signals to them and tells their clients how they ended.

    Args:
        listener: the socket on which clients connect.
        life: a descriptor that is at its end when Snakemake has ended.
        suits: whether a request may be served by a fork of this process.
    """

    def __init__(self, listener: socket.socket, life: int, suits: Callable[[Request], bool]) -> None:
        self.listener, self.life, self.suits = listener, life, suits
        self.clients: dict[int, socket.socket] = {}  # by the process id of their jobs
        self.selector = selectors.DefaultSelector()
        self.woken, self.waker = socket.socketpair()
        self.waker.setblocking(False)
        signal.set_wakeup_fd(self.waker.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)  # without a handler, it would wake nobody
        self.selector.register(listener, selectors.EVENT_READ, self.admit)
        self.selector.register(life, selectors.EVENT_READ, self.end)
        self.selector.register(self.woken, selectors.EVENT_READ, self.reap)

    def serve(self) -> Request:
        """Serve until Snakemake ends, and then end this process; in a job, return what it has to run."""
        while True:
            for key, _ in self.selector.select():
                request: Request | None = key.data()
                if request:
                    return request

    def admit(self) -> Request | None:
        """Accept a client and start its job; in the job, return its request."""
        client, _ = self.listener.accept()
        try:
            client.settimeout(PATIENCE)
            request = receive(client)
        except (OSError, ValueError, EOFError, TypeError):  # a client that died
            client.close()
            return None
        # A signal for the job waits until the job has its own handlers: the server ignores it.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        try:
            child = os.fork() if self.suits(request) else None
        except OSError:  # no memory, or too many processes
            child = None
        if child == 0:
            client.close()
            self.leave()
            return request
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        request.close()
        if child is None:
            with contextlib.suppress(OSError):
                client.sendall(REFUSED)
            client.close()
            return None
        with contextlib.suppress(OSError):
            os.setpgid(child, child)  # the child does so too; whoever comes first
        with contextlib.suppress(OSError):  # where the client died, `hear` will notice
            client.sendall(ACCEPTED)
        self.clients[child] = client
        self.selector.register(client, selectors.EVENT_READ, lambda: self.hear(child))
        return None

    def hear(self, child: int) -> None:
        """Forward a client's signals to its job; kill the job, and what it started, where the client is gone."""
        if child not in self.clients:  # it ended, and `reap` was called for it since both were selected
            return
        try:
            numbers = self.clients[child].recv(64)
        except OSError:
            numbers = b""
        if not numbers:
            self.selector.unregister(self.clients[child])
            kill(child)
        for number in numbers:
            with contextlib.suppress(OSError):
                os.kill(child, number)

    def reap(self) -> None:
        """Tell the clients of ended jobs how these ended."""
        with contextlib.suppress(OSError):
            self.woken.recv(4096, socket.MSG_DONTWAIT)
        while self.clients:
            child, status = os.waitpid(-1, os.WNOHANG)
            if not child:
                return
            self.report(child, os.waitstatus_to_exitcode(status))

    def report(self, child: int, code: int) -> None:
        """Tell a client its job's exit code, or the negative number of the signal that killed it."""
        client = self.clients.pop(child)
        with contextlib.suppress(KeyError):
            self.selector.unregister(client)
        with contextlib.suppress(OSError):
            client.sendall(code.to_bytes(LENGTH, "little", signed=True))
        client.close()

    def end(self) -> None:
        """Kill all jobs, tell their clients, and end this process."""
        for child in self.clients:
            kill(child)
        for child in list(self.clients):
            os.waitpid(child, 0)
            self.report(child, -signal.SIGKILL)
        shutil.rmtree(Path(self.listener.getsockname()).parent, ignore_errors=True)
        atexit._run_exitfuncs()  # matplotlib removes the temporary folder that it may have made when it was imported
        os._exit(0)

    def leave(self) -> None:
        """Close in a child what belongs to the server."""
        signal.set_wakeup_fd(-1)
        self.selector.close()
        for held in (self.listener, self.woken, self.waker, *self.clients.values()):
            held.close()


def kill(child: int) -> None:
    """Kill a job and what it started."""
    with contextlib.suppress(OSError):
        os.killpg(child, signal.SIGKILL)


def receive(client: socket.socket) -> Request:
    """Return the request of a client.

    Raises:
        OSError, ValueError, EOFError, TypeError: the client ended before it was sent.
    """
    head, descriptors, _, _ = socket.recv_fds(client, LENGTH, DESCRIPTORS)
    try:
        if len(head) != LENGTH or len(descriptors) != DESCRIPTORS:
            raise EOFError
        body = bytearray()
        while len(body) < int.from_bytes(head, "little"):
            part = client.recv(1 << 16)
            if not part:
                raise EOFError
            body += part
        command, environment, umask, ignored = marshal.loads(bytes(body))
        return Request(command, environment, umask, ignored, descriptors)
    except BaseException:
        for number in descriptors:
            os.close(number)
        raise


def suits(request: Request, environment: dict[bytes, bytes], stamps: Stamps) -> bool:
    """Tell whether a fork of this process does what a new process would.

    Args:
        request: what the client sent.
        environment: the environment of this process at its start.
        stamps: the files of the loaded modules, as they were.
    """
    keys = environment.keys() | request.environment.keys()
    return (
        request.command[:2] == [os.fsencode(sys.executable), b"-m"]
        and all(environment.get(key) == request.environment.get(key) for key in keys - FREE)
        and len(list(Path("/proc/self/task").iterdir())) == 1
        and all(stamp(path) == known for path, known in stamps.items())
    )


def stamp(path: str) -> tuple[int, ...] | None:
    """Return what changes when a file is written or replaced; None where there is no file."""
    try:
        found = os.stat(path)  # noqa: PTH116 - thousands of them before each fork
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def loaded_files() -> list[str]:
    """Return the files of all loaded modules."""
    modules = [vars(module) for module in list(sys.modules.values()) if hasattr(module, "__dict__")]
    return [file for variables in modules if isinstance(file := variables.get("__file__"), str)]


def preload(words: Iterable[str]) -> Stamps:
    """Import what jobs of the named rules need, calibrate the named feature networks, and return the modules' files."""
    # The package's files may be edited while it is imported, so their stamps are taken first.
    own = {str(path): stamp(str(path)) for path in PACKAGE.rglob("*.py")}
    from advkd.jobs.preloaded import modules

    words = list(words)
    for name in modules(words):
        importlib.import_module(name)
    from advkd.settings.feature_networks import NETWORKS

    for network in (NETWORKS[word] for word in words if word in NETWORKS):
        if network.weights is None:
            from advkd.metrics import inception

            inception.build(None, network.dims, "")
    return {path: own.get(path) or stamp(path) for path in loaded_files()}


def become(request: Request, server: int) -> None:
    """Make this child what a new process with the request's command would be."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != server:
        os.kill(os.getpid(), signal.SIGKILL)  # the server died before the line above
    with contextlib.suppress(OSError):
        os.setpgid(0, 0)
    *streams, folder = request.descriptors
    for target, number in enumerate(streams):
        os.dup2(number, target)
    os.fchdir(folder)
    request.close()
    os.umask(request.umask)
    for key in FREE:
        if key in request.environment:
            os.environb[key] = request.environment[key]
        else:
            os.environb.pop(key, None)
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        if number in request.ignored:
            signal.signal(number, signal.SIG_IGN)
        elif number < signal.SIGRTMIN:
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    words = [os.fsdecode(word) for word in request.command]
    sys.orig_argv, sys.argv, sys.path[0] = words, words[2:], str(Path.cwd())
    write_title(b"\0".join(request.command))
    if isinstance(out := sys.stdout, io.TextIOWrapper) and not out.write_through:  # PYTHONUNBUFFERED
        out.reconfigure(line_buffering=out.isatty())
    tempfile.tempdir = None  # TMPDIR may be another one
    importlib.invalidate_caches()
    draw_new_seeds()


def draw_new_seeds() -> None:
    """Seed the global random numbers anew, as a new process does; `random` does so itself when it is forked."""
    if numpy := sys.modules.get("numpy"):
        numpy.random.seed()
    if torch := sys.modules.get("torch"):
        torch.default_generator.seed()


def write_title(title: bytes) -> None:
    """Write a command line over that of this process, so that `ps` shows it."""
    fields = Path("/proc/self/stat").read_bytes().rpartition(b") ")[2].split()
    start, end = int(fields[45]), int(fields[46])  # arg_start and arg_end; the third field is the first here
    ctypes.memmove(start, title[: end - start - 1].ljust(end - start, b"\0"), end - start)


def run(module: str) -> int:
    """Run a module as `python -m` does, then what was registered for the end of the process; return the exit code.

    The modules and objects of this process are left as they are: to free them one by one takes longer than many a job.
    """
    code = 0
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, signal.valid_signals())
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as request:
        if isinstance(request.code, int):
            code = request.code & 0xFF
        elif request.code is not None:
            print(request.code, file=sys.stderr)
            code = 1
    except KeyboardInterrupt:
        sys.excepthook(*sys.exc_info())
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    except BaseException:
        sys.excepthook(*sys.exc_info())
        code = 1
    # multiprocessing ends its forked processes by the same three steps.
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        try:
            if not stream.closed:
                stream.flush()
        except OSError:
            code = FLUSH_FAILED
    return code


def main() -> None:
    """Serve until standard input ends."""
    for number in NOT_OURS:
        signal.signal(number, signal.SIG_IGN)
    environment = dict(os.environb)
    listener = socket.socket(fileno=int(sys.argv[1]))
    listener.set_inheritable(False)
    stamps = preload(sys.argv[2:])
    gc.collect()
    gc.freeze()  # so that a job's collector does not copy the pages that it shares with the server
    server = Server(listener, sys.stdin.fileno(), lambda request: suits(request, environment, stamps))
    process = os.getpid()
    request = server.serve()
    del server
    become(request, process)
    os._exit(run(sys.argv[0]))


if __name__ == "__main__":
    main()
