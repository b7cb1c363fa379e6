"""Runs a command on a pseudo-terminal of its own.

    pseudo_terminal.py COMMAND...

Standard input is typed into the terminal, what the command writes there comes to standard output. The exit code is the
command's, or 97 when it did not leave the terminal as it was.
"""

import os
import pty
import select
import signal
import sys
import termios

NOT_RESTORED = 97


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
