"""What a loader's worker does at SIGTERM: goes on, unless it is the trainer itself that ends it."""

import os
import signal
import threading


def outlive_sigterm(worker: int) -> None:
    """Leave SIGTERM to the trainer, for the life of this process.

    Schedulers send the signal to every process of a job, and the step in flight may still need this worker. A trainer
    that is done with its workers ends them by the same signal, and waits until they are gone.
    """
    if not hasattr(signal, "sigwaitinfo"):
        return  # macOS does not tell who sent a signal
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    threading.Thread(target=_wait_for, args=(os.getppid(),), name="sigterm", daemon=True).start()


def _wait_for(trainer: int) -> None:
    """End this process when `trainer` sends SIGTERM."""
    while signal.sigwaitinfo({signal.SIGTERM}).si_pid != trainer:
        pass
    os._exit(0)
