"""Asks the server of jobs to run a command, and ends as the command ends; where that fails, becomes the command.

    python -IS client.py SOCKET python -m MODULE [ARGUMENT …]

`advkd.jobs` explains it. The script imports only what is compiled into Python, since it starts once for each job.
"""

import _signal as signal  # type: ignore[import-not-found]
import _socket as socket
import marshal
import os
import resource
import sys

# The signals that a person, Snakemake or a scheduler sends to a job. All but these keep their effect on the client.
FORWARDED = ("SIGHUP", "SIGINT", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGTERM", "SIGTSTP", "SIGCONT")
ENDING = ("SIGHUP", "SIGINT", "SIGQUIT", "SIGUSR1", "SIGTERM")
ACCEPTED = b"y"
LENGTH = 4  # bytes of a message's length and of a job's exit code


def main() -> None:
    """Run the command with the server, or replace this process by the command."""
    address, *command = sys.argv[1:]
    os.environ.pop("ADVKD_JOBS", None)
    parent = os.getppid()
    ignored = [number for number in range(1, 32) if signal.getsignal(number) == signal.SIG_IGN]
    if signal.SIGINT not in ignored:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    numbers = [getattr(signal, name) for name in FORWARDED]
    signal.pthread_sigmask(signal.SIG_BLOCK, numbers)  # until the job exists, to which they are forwarded
    try:
        server = connect(address, command, ignored)
    except OSError:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, numbers)
        os.execvp(command[0], command)
    sent, before = forward_signals(server, numbers)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, numbers)
    code = wait(server)
    if code is not None:
        end(code)
    # The server died, and its job with it. Begin again, unless somebody wanted the job to end or Snakemake died too.
    for number, handler in before.items():
        signal.signal(number, handler)
    if sent or os.getppid() != parent:
        end(-(sent[-1] if sent else signal.SIGKILL))
    os.execvp(command[0], command)


def connect(address: str, command: list[str], ignored: list[int]) -> socket.socket:
    """Return the connection to the server, which has accepted the command.

    Raises:
        OSError: there is no server, it refused, or a standard stream is closed.
    """
    mask = os.umask(0)
    os.umask(mask)
    streams = [os.dup(number) for number in (0, 1, 2)]  # fails for a closed one
    descriptors = [*streams, os.open(".", os.O_PATH)]
    request = marshal.dumps(([os.fsencode(word) for word in command], dict(os.environb.items()), mask, ignored))
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    server.connect(address)
    packed = b"".join(number.to_bytes(LENGTH, sys.byteorder) for number in descriptors)
    server.sendmsg([len(request).to_bytes(LENGTH, "little")], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, packed)])
    server.sendall(request)
    for number in descriptors:
        os.close(number)
    if server.recv(1) != ACCEPTED:
        raise OSError("refused")
    return server


def forward_signals(server: socket.socket, numbers: list[int]) -> tuple[list[int], dict[int, object]]:
    """Forward signals to the job, also those that this process was told to ignore: the job may have a handler.

    Returns:
        The list to which each forwarded signal is added that asks the job to end, and the handlers so far.
    """
    sent: list[int] = []
    ending = [getattr(signal, name) for name in ENDING]

    def forward(number: int, _frame: object) -> None:
        if number in ending:
            sent.append(number)
        try:  # noqa: SIM105 - contextlib takes a third of the time of this script
            server.send(bytes([number]))
        except OSError:
            pass  # the server died: `wait` notices
        if number == signal.SIGTSTP:
            os.kill(os.getpid(), signal.SIGSTOP)

    return sent, {number: signal.signal(number, forward) for number in numbers}


def wait(server: socket.socket) -> int | None:
    """Return the job's exit code, the negative number of a signal that killed it, or None if the server died."""
    answer = b""
    while len(answer) < LENGTH:
        try:
            part = server.recv(LENGTH - len(answer))
        except OSError:
            part = b""
        if not part:
            return None
        answer += part
    return int.from_bytes(answer, "little", signed=True)


def end(code: int) -> None:
    """End as the job did."""
    if code < 0:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # the job has written its core, if any
        if -code not in (signal.SIGKILL, signal.SIGSTOP):
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
        os._exit(128 - code)  # the signal is blocked
    os._exit(code)


if __name__ == "__main__":
    main()
