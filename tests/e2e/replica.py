"""Another server beside a world's."""
import http.client
import socket
import subprocess

import world


class Replica:
    """Another arpfd on the same database and token, and where it is told so on a root file of its own."""

    def __init__(self, a_world, root_file=None):
        self.world = a_world
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        with open(a_world.path("arpf.conf")) as f:
            conf = f.read()
        conf = conf.replace("127.0.0.1:%d" % a_world.port, "127.0.0.1:%d" % self.port)
        conf = conf.replace("/admin.sock", "/replica.sock")
        if root_file is not None:
            conf = conf.replace(a_world.path("audit.root"), a_world.path(root_file))
        self.path = a_world.path("replica.conf")
        with open(self.path, "w") as f:
            f.write(conf)
        self.start()

    def start(self):
        with open(self.world.path("replica.log"), "a") as log:
            self.process = subprocess.Popen([self.world.program("arpfd"), "--config", self.path], stdout=log,
                                            stderr=log, stdin=subprocess.DEVNULL, env=self.world.environment)
        world.wait_until(self.answers, 30, "the replica answers")

    def answers(self):
        try:
            return self.request("GET", "/narpf-ek/v1/certificate").status == 200
        except OSError:
            return False

    def connection(self, timeout=world.PATIENCE_S):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)

    def request(self, *arguments, **options):
        options.setdefault("connection", self.connection())
        return self.world.request(*arguments, **options)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def end(self):
        self.process.terminate()
        self.process.wait(timeout=40)
