"""Runs a command that ends when its parent does: `python leash.py PARENT SIGNAL USER COMMAND [ARGUMENT…]`.

A script and not a `preexec_fn`: code between fork and exec is unsafe in a process that has threads. The pid
stays the same, since the command takes this process over. Where the kernel can't tie a child to its parent
(everywhere but Linux) the next start of the same folder ends what was left.
"""

import ctypes
import os
import pwd
import sys

PR_SET_PDEATHSIG = 1


def main(parent: int, farewell: int, user: str, command: list[str]) -> None:
    """Become `user` (empty: stay), ask for `farewell` at the death of `parent`, turn into `command`."""
    if user:
        become(user)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, farewell)
    if os.getppid() != parent:
        raise SystemExit("The process that started this command is gone.")
    os.execv(command[0], command)  # noqa: S606


def become(user: str) -> None:
    """Take the user's groups and id; the signal is asked for after it, since a change of id clears it."""
    account = pwd.getpwnam(user)
    os.initgroups(user, account.pw_gid)
    os.setgid(account.pw_gid)
    os.setuid(account.pw_uid)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4:])
