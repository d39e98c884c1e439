"""rest_faults.py   A catalog that answers as the table's name says; prints its port, ends with its standard input.

Table names: sNNN answers a commit with that status; reset closes the connection after reading the request; hang never
answers; half sends half an answer; garbage answers 200 with text; expired refuses the first token with 401. One line of
standard output for each commit that arrives: its table and its Authorization.
"""
import http.server
import json
import socket
import sys
import threading
import time


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    tokens = 0

    def log_message(self, *_):
        pass

    def answer(self, status, body):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self):
        if self.path.startswith("/v1/config"):
            return self.answer(200, {"defaults": {"a": "default", "b": "default"}, "overrides": {"b": "override", "prefix": "p%2Fx"}})
        if self.path.split("?")[0] == "/v1/p%2Fx/namespaces/a%1Fb/tables":
            page = "pageToken=2" in self.path
            return self.answer(200, {"identifiers": [{"namespace": ["a", "b"], "name": "two" if page else "one"}],
                                     "next-page-token": None if page else "2"})
        self.answer(404, {"error": {"message": "no such table", "type": "NoSuchTableException", "code": 404}})

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path == "/v1/oauth/tokens":
            if b"client_secret=wrong" in body:
                return self.answer(401, {"error": "invalid_client"})
            Handler.tokens += 1
            return self.answer(200, {"access_token": f"t{Handler.tokens}", "token_type": "bearer", "expires_in": 100})
        table = self.path.rsplit("/", 1)[1]
        authorization = self.headers.get("Authorization", "none")
        print(table, authorization, flush=True)
        if table == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            self.connection.close()
            self.close_connection = True
        elif table == "hang":
            time.sleep(30)
        elif table == "half":
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
            self.close_connection = True
        elif table == "garbage":
            self.answer(200, b"applied, thank you")
        elif table == "expired":
            self.answer(401 if authorization == "Bearer t1" else 409, {"error": {"message": "stale", "type": "x", "code": 0}})
        else:
            self.answer(int(table[1:]), {"error": {"message": "as asked\nfor", "type": "x", "code": 0}})


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
threading.Thread(target=server.serve_forever, daemon=True).start()
print(server.server_address[1], flush=True)
sys.stdin.read()
