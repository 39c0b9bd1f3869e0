"""A local file server that fails in the ways in which real servers do."""

import contextlib
import hashlib
import http.server
import socket
import struct
import threading
from types import SimpleNamespace

BODY = bytes(range(256)) * 2000
LONG_AGO = "Mon, 01 Jan 2001 00:00:00 GMT"  # as a server says that its file did not change
SHA = "sha256:" + hashlib.sha256(BODY).hexdigest()


@contextlib.contextmanager
def serving():
    """Yield a file server. Its attributes set its faults.

    Attributes of the yielded object:
        body: the bytes of the file.
        cut: number of bytes after which a connection ends, `cuts` times.
        statuses: statuses that the first requests are answered with.
        ranges, length: whether it obeys ranges, and states the length.
        answers: functions of the handler and the requested range that answer instead, one for each request; the last
            one answers all later requests.
        seen: the ranges that were requested.
        over: an event that ends answers without an end.
    """
    state = SimpleNamespace(body=BODY, cut=None, cuts=99, statuses=[], ranges=True, length=True, seen=[], answers=[])
    state.over = threading.Event()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            requested = self.headers.get("Range")
            state.seen.append(requested)
            if state.answers:
                (state.answers.pop(0) if len(state.answers) > 1 else state.answers[0])(self, requested)
                return
            if state.statuses:
                self.send_error(state.statuses.pop(0))
                return
            start = int(requested[6:-1]) if requested and state.ranges else 0
            if start >= len(state.body):
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(state.body)}")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            data = state.body[start:]
            self.send_response(206 if start else 200)
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(state.body) - 1}/{len(state.body)}")
            if state.length:
                self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            if state.cut and state.cuts:
                state.cuts -= 1
                data = data[: state.cut]
            self.wfile.write(data)

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as service:
        threading.Thread(target=service.serve_forever, args=(0.01,), daemon=True).start()
        state.url = f"http://127.0.0.1:{service.server_port}/set.zip"
        yield state
        state.over.set()
        service.shutdown()


def reply(handler, data, status=200, **headers):
    """Answer with `data` and its length; `headers` may state another length, or None for no length."""
    handler.send_response(status)
    for name, value in {"Content_Length": str(len(data)), **headers}.items():
        if value is not None:
            handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(data)


def rest(handler, requested, body=BODY, limit=None, **headers):
    """Answer with the requested range of `body`, at most `limit` bytes."""
    start = int(requested[6:-1]) if requested else 0
    data = body[start:][:limit]
    span = {"Content_Range": f"bytes {start}-{start + len(data) - 1}/{len(body)}"} if requested else {}
    reply(handler, data, 206 if requested else 200, **{"Last_Modified": LONG_AGO, **span, **headers})


def reset(handler):
    """Reset a connection, so that the client loses the bytes that it has not read yet."""
    handler.wfile.flush()
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()


def left(target):
    """Return the names of the files in the folder of `target`."""
    return sorted(path.name for path in target.parent.iterdir())
