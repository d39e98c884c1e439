"""Drives a program through a pseudo-terminal and keeps the screen that a user would see.

The screen interprets the output of readline, less and the prompt: cursor moves, erasing, insertion, and wide
characters. Every wait is for text on the screen, never for a time.
"""

import fcntl
import os
import pty
import select
import signal
import struct
import termios
import time
import unicodedata


def columns_of(character):
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


class Screen:
    """A grid of characters with a cursor, and the lines scrolled off its top."""

    def __init__(self, rows, columns):
        self.rows, self.columns = rows, columns
        self.lines = [[" "] * columns for _ in range(rows)]
        self.scrolled = []
        self.row = self.column = 0
        self.wraps = False
        self.pending = ""

    def resize(self, rows, columns):
        self.lines = [(line + [" "] * columns)[:columns] for line in self.lines]
        while len(self.lines) > rows:
            self.scrolled.append("".join(self.lines.pop(0)).rstrip())
            self.row = max(0, self.row - 1)
        self.lines += [[" "] * columns for _ in range(rows - len(self.lines))]
        self.rows, self.columns = rows, columns
        self.row, self.column = min(self.row, rows - 1), min(self.column, columns - 1)

    def text(self):
        shown = ["".join(line).rstrip() for line in self.lines]
        return "\n".join(self.scrolled + shown).rstrip("\n")

    def feed(self, text):
        text, self.pending = self.pending + text, ""
        place = 0
        while place < len(text):
            character = text[place]
            if character == "\x1b":
                end = self.escape(text, place)
                if end is None:
                    self.pending = text[place:]
                    return
                place = end
                continue
            self.put(character)
            place += 1

    def escape(self, text, place):
        if place + 1 >= len(text):
            return None
        if text[place + 1] in "[":
            end = place + 2
            while end < len(text) and not text[end].isalpha() and text[end] not in "@`":
                end += 1
            if end >= len(text):
                return None
            self.control(text[place + 2:end], text[end])
            return end + 1
        if text[place + 1] in "()":
            return place + 3
        if text[place + 1] == "M":
            self.row = max(0, self.row - 1)
        return place + 2

    def control(self, parameters, letter):
        if parameters.startswith("?") or parameters.startswith(">"):
            return
        numbers = [int(number) if number else 0 for number in parameters.split(";")]
        count = max(1, numbers[0])
        self.wraps = False
        if letter == "A":
            self.row = max(0, self.row - count)
        elif letter == "B":
            self.row = min(self.rows - 1, self.row + count)
        elif letter == "C":
            self.column = min(self.columns - 1, self.column + count)
        elif letter == "D":
            self.column = max(0, self.column - count)
        elif letter == "G":
            self.column = min(self.columns, count) - 1
        elif letter == "H":
            self.row = min(self.rows, count) - 1
            self.column = min(self.columns, max(1, numbers[1] if len(numbers) > 1 else 1)) - 1
        elif letter == "K":
            start, end = {0: (self.column, self.columns), 1: (0, self.column + 1), 2: (0, self.columns)}[numbers[0]]
            self.lines[self.row][start:end] = [" "] * (end - start)
        elif letter == "J":
            first = 0 if numbers[0] == 2 else self.row + 1
            if numbers[0] == 0:
                self.lines[self.row][self.column:] = [" "] * (self.columns - self.column)
            for row in range(first, self.rows):
                self.lines[row] = [" "] * self.columns
        elif letter == "P":
            line = self.lines[self.row]
            del line[self.column:self.column + count]
            line += [" "] * (self.columns - len(line))
        elif letter == "@":
            line = self.lines[self.row]
            line[self.column:self.column] = [" "] * count
            del line[self.columns:]

    def put(self, character):
        if character == "\r":
            self.column, self.wraps = 0, False
        elif character == "\n":
            self.down()
        elif character == "\b":
            self.column, self.wraps = max(0, self.column - 1), False
        elif character == "\t":
            self.column = min(self.columns - 1, self.column // 8 * 8 + 8)
        elif character >= " ":
            self.show(character)

    def show(self, character):
        width = columns_of(character)
        if width == 0:
            before = self.column if self.wraps else self.column - 1
            if before >= 0:
                self.lines[self.row][before] += character
            return
        if self.wraps or self.column + width > self.columns:
            self.column, self.wraps = 0, False
            self.down()
        self.lines[self.row][self.column] = character
        if width == 2 and self.column + 1 < self.columns:
            self.lines[self.row][self.column + 1] = ""
        self.column += width
        if self.column >= self.columns:
            self.column, self.wraps = self.columns - 1, True

    def down(self):
        self.wraps = False
        if self.row + 1 < self.rows:
            self.row += 1
            return
        self.scrolled.append("".join(self.lines.pop(0)).rstrip())
        self.lines.append([" "] * self.columns)


class Terminal:
    """A program on its own terminal."""

    TIMEOUT = 60

    def __init__(self, command, environment, rows=24, columns=80, folder=None):
        self.screen = Screen(rows, columns)
        self.seen = b""
        self.pid, self.master = pty.fork()
        if self.pid == 0:
            if folder:
                os.chdir(folder)
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
            os.execve(command[0], command, environment)
        self.status = None

    def send(self, text):
        data = text.encode()
        while data:
            _, writable, _ = select.select([], [self.master], [], 0.05)
            if writable:
                sent = os.write(self.master, data[:512])
                data = data[sent:]
            self.pump(0)

    def pump(self, seconds):
        """Reads the program's output; false when the program has ended."""
        readable, _, _ = select.select([self.master], [], [], seconds)
        if not readable:
            return True
        try:
            data = os.read(self.master, 65536)
        except OSError:
            return False
        if not data:
            return False
        self.seen += data
        # A character may be cut between two reads.
        text = (getattr(self, "rest", b"") + data)
        for cut in range(0, 4):
            try:
                decoded = text[:len(text) - cut].decode()
                self.rest = text[len(text) - cut:]
                break
            except UnicodeDecodeError:
                continue
        else:
            decoded, self.rest = text.decode(errors="replace"), b""
        self.screen.feed(decoded)
        return True

    def wait_until(self, condition, what):
        end = time.monotonic() + self.TIMEOUT
        while not condition():
            if not self.pump(0.1) and not condition():
                raise AssertionError(f"the program ended before {what}; the screen:\n{self.screen.text()}")
            if time.monotonic() > end:
                raise AssertionError(f"never came: {what}; the screen:\n{self.screen.text()}")

    def wait_for(self, text):
        self.wait_until(lambda: text in self.screen.text(), repr(text))

    def lines_begun(self):
        """The number of lines that readline has begun to read: it enables bracketed paste for each."""
        return self.seen.count(b"\x1b[?2004h")

    def enter(self, line, prompt="pageviews> "):
        """Enters a line and waits for the next prompt."""
        begun = self.lines_begun()
        self.send(line + "\r")
        self.wait_until(lambda: self.lines_begun() > begun, f"the end of {line[:60]!r}")
        self.settle(prompt)

    def interrupt(self):
        """Presses Ctrl-C while a line is edited."""
        begun = self.lines_begun()
        self.send("\x03")
        self.wait_until(lambda: self.lines_begun() > begun, "a new line after Ctrl-C")
        self.settle()

    def settle(self, prompt="pageviews> "):
        """Waits until the cursor is right after an empty prompt and the program reads single keys."""
        def is_asking():
            self.pump(0.01)
            line = "".join(self.screen.lines[self.screen.row]).rstrip()
            return line == prompt.rstrip() and self.screen.column == len(prompt) and self.is_editing()
        self.wait_until(is_asking, f"the prompt {prompt!r}")

    def is_editing(self):
        return not termios.tcgetattr(self.master)[3] & termios.ICANON

    def resize(self, rows, columns):
        self.screen.resize(rows, columns)
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        os.kill(self.pid, signal.SIGWINCH)

    def exit_code(self):
        """Waits for the program to end."""
        end = time.monotonic() + self.TIMEOUT
        while time.monotonic() < end:
            self.pump(0.02)
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status = status
                return os.waitstatus_to_exitcode(status)
        raise AssertionError(f"the program did not end; the screen:\n{self.screen.text()}")

    def close(self):
        if self.status is None:
            try:
                os.kill(self.pid, signal.SIGKILL)
                os.waitpid(self.pid, 0)
            except (ProcessLookupError, ChildProcessError):
                pass
        os.close(self.master)
