"""Runs a command on a pseudo-terminal of its own.

    pseudo_terminal.py COMMAND...

Standard input is typed into the terminal, what the command writes there comes to standard output. The exit code is the
command's, or 97 when it did not leave the terminal as it was. SIGUSR1 stops the command and lets it go on, as a shell
does with a job; SIGUSR2 asks it to stop: 98 when it does not, 97 when the terminal is then not as it was, and 99 when
it is not raw again afterwards.
"""

import os
import pty
import select
import signal
import sys
import termios
import time

NOT_RESTORED = 97
NOT_STOPPED = 98
NOT_RAW = 99
PATIENCE_S = 10


def main():
    master, slave = pty.openpty()
    before = termios.tcgetattr(slave)
    child = os.fork()
    if child == 0:
        os.close(master)
        os.login_tty(slave) if hasattr(os, "login_tty") else login_tty(slave)
        os.execvp(sys.argv[1], sys.argv[1:])
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGQUIT):
        signal.signal(number, lambda n, _: os.kill(child, n))
    signal.signal(signal.SIGUSR1, lambda n, _: stop_and_go_on(child, slave, before))
    signal.signal(signal.SIGUSR2, lambda n, _: ask_to_stop(child, slave, before))
    signal.signal(signal.SIGWINCH, lambda n, _: resize(master))
    relay(master, child)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    sys.exit(status if termios.tcgetattr(slave) == before else NOT_RESTORED)


def login_tty(slave):
    """Makes the slave the controlling terminal and the standard streams."""
    import fcntl

    os.setsid()
    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
    for fd in range(3):
        os.dup2(slave, fd)


def stop_and_go_on(child, slave, before):
    """What a shell does with a job that is stopped and brought back."""
    os.kill(child, signal.SIGSTOP)
    os.waitpid(child, os.WUNTRACED)
    termios.tcsetattr(slave, termios.TCSANOW, before)
    os.kill(child, signal.SIGCONT)


def ask_to_stop(child, slave, before):
    """What `kill -TSTP` does, and the terminal before, during and after it."""
    check(is_raw(slave), NOT_RAW, child)
    os.kill(child, signal.SIGTSTP)
    stopped = lambda: os.waitid(os.P_PID, child, os.WSTOPPED | os.WNOHANG)
    check(wait_for(stopped), NOT_STOPPED, child)
    check(termios.tcgetattr(slave) == before, NOT_RESTORED, child)
    os.kill(child, signal.SIGCONT)
    check(wait_for(lambda: is_raw(slave)), NOT_RAW, child)
    os.write(1, b"[stopped, and went on]")


def is_raw(slave):
    return not termios.tcgetattr(slave)[3] & (termios.ICANON | termios.ECHO | termios.ISIG)


def wait_for(condition):
    end = time.monotonic() + PATIENCE_S
    while not (result := condition()) and time.monotonic() < end:
        time.sleep(0.01)
    return result


def check(condition, code, child):
    """Ends with a code where something does not hold."""
    if not condition:
        os.kill(child, signal.SIGKILL)
        os._exit(code)


def resize(master):
    import fcntl
    import struct

    fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 132, 0, 0))


def relay(master, child):
    """Passes bytes on in both directions until the command has ended and all its output is read."""
    sources = [master, 0]
    while True:
        ready, _, _ = select.select(sources, [], [], 0.05)
        if 0 in ready:
            typed = os.read(0, 4096)
            if typed:
                os.write(master, typed)
            else:
                sources.remove(0)
        if master in ready:
            os.write(1, os.read(master, 65536))
        elif os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            return


main()
