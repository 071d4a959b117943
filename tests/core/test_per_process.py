import os
import warnings
from concurrent.futures import ThreadPoolExecutor

from apps.core.per_process import PerProcess


def test_threads_share_what_is_made_once():
    made = []
    one = PerProcess(lambda: made.append(1) or object())
    with ThreadPoolExecutor(8) as threads:
        found = {id(thing) for thing in threads.map(lambda _: one.get(), range(64))}
    assert (len(found), len(made)) == (1, 1)


def test_a_forked_process_makes_its_own():
    one = PerProcess(os.getpid)
    assert one.get() == os.getpid()
    with warnings.catch_warnings():
        # From Python 3.12 on: other tests may have left threads.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        os._exit(0 if one.get() == os.getpid() else 1)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
