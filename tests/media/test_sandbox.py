"""The child process: what crosses, what is limited, and what happens when it dies."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from sslviz.errors import MediaCrashError, MediaError, MediaTimeoutError
from sslviz.media.sandbox import Sandbox, run
from sslviz.media.watch import Watch
from sslviz.options import MediaLimits
from tests.media import children

SHORT = MediaLimits(stall_seconds=2.0)


def test_arguments_go_in_and_results_come_out_unchanged():
    values = ("text", 1.5, None, Path("x"), np.arange(6, dtype=np.float32).reshape(2, 3))
    *same, array = run(children.echo, *values)
    assert tuple(same) == values[:-1]
    assert array.dtype == np.float32
    assert np.array_equal(array, values[-1])


def test_messages_go_both_ways():
    with Sandbox(children.add_until_told_to_stop) as sandbox:
        totals = []
        for value in (1, 2, 3, None):
            sandbox.send(value)
            if value is not None:
                totals.append(sandbox.receive())
        with pytest.raises(EOFError):
            sandbox.receive()
        assert (totals, sandbox.result) == ([1, 3, 6], "stopped")
        assert 10e6 < sandbox.peak_memory_bytes < 60e6
        assert sandbox.cpu_seconds > 0


def test_frames_cross_whole():
    with Sandbox(children.send_frames, 3, 1080, 1920) as sandbox:
        for i in range(3):
            frame = sandbox.receive()
            assert frame.shape == (1080, 1920, 3)
            assert (frame == i).all()


def test_a_child_waits_while_nobody_takes_its_messages():
    with Sandbox(children.send_frames, 50, 1080, 1920) as sandbox:
        assert sandbox.poll(60)
        time.sleep(0.3)
        memory = Path(f"/proc/{sandbox.pid}/statm").read_text().split()
        assert int(memory[1]) * os.sysconf("SC_PAGE_SIZE") < 120e6


def test_typed_errors_arrive_as_they_were_raised():
    with pytest.raises(MediaError, match="no video in it") as caught:
        run(children.refuse, "no video in it")
    assert type(caught.value) is MediaError
    assert str(caught.value) == "no video in it"
    assert "in refuse" in caught.value.__notes__[0]


def test_mistakes_in_a_worker_are_not_taken_for_bad_files():
    with pytest.raises(TypeError, match="a mistake in the worker") as caught:
        run(children.fail)
    assert not isinstance(caught.value, MediaError)


def test_what_libraries_raise_on_odd_files_becomes_a_media_error():
    with pytest.raises(MediaError, match="ZeroDivisionError: a rate of 0/0"):
        run(children.stumble)


def test_a_crash_is_an_error_and_the_next_job_runs_at_once():
    with pytest.raises(MediaCrashError, match="SIGSEGV"):
        run(children.crash)
    begin = time.monotonic()
    assert run(children.echo, 1) == (1,)
    assert time.monotonic() - begin < 5 + os.getloadavg()[0]


def test_a_child_that_leaves_without_a_word_is_a_crash():
    with pytest.raises(MediaCrashError, match="exit status 7"):
        run(children.leave)


@pytest.mark.parametrize("worker", [children.hang, children.hang_in_half_a_message])
def test_a_hang_ends_at_the_deadline_and_the_next_job_runs(worker):
    begin = time.monotonic()
    with pytest.raises(MediaTimeoutError, match="no progress for 2 s"):
        run(worker, limits=SHORT)
    assert 1.9 < time.monotonic() - begin < 30
    assert run(children.echo, 1) == (1,)


def test_a_child_that_only_waits_for_its_turn_is_not_taken_for_a_hang():
    watch = Watch(os.getpid())
    watch.starves(1.0)
    end = time.process_time() + 0.1
    while time.process_time() < end:
        pass
    assert watch.starves(10.0), "it runs, and got a hundredth of the time"
    end = time.process_time() + 0.1
    while time.process_time() < end:
        pass
    assert not watch.starves(0.2), "it got half of the time"
    with Sandbox(children.hang) as sandbox:
        assert sandbox.poll(60)
        time.sleep(0.2)
        assert not Watch(sandbox.pid).starves(10.0), "it sleeps"


def test_a_child_that_waits_for_a_busy_child_of_its_own_is_not_taken_for_a_hang():
    busy = "import sys; print(1, flush=True)\nwhile True: pass"
    command = [sys.executable, "-c", busy]
    waits = f"import subprocess; subprocess.run({command!r})"
    with subprocess.Popen([sys.executable, "-c", waits], stdout=subprocess.PIPE) as parent:
        assert parent.stdout.read(1) == b"1"
        pids = Path(f"/proc/{parent.pid}/task/{parent.pid}/children").read_text().split()
        try:
            assert Watch(parent.pid).starves(1000.0)
        finally:
            for pid in (*map(int, pids), parent.pid):
                os.kill(pid, signal.SIGKILL)


def test_signs_of_life_hold_the_deadline_off():
    assert run(children.beat_for, 3.0, limits=SHORT) == "alive"


def test_a_child_that_takes_no_messages_is_given_up():
    with Sandbox(children.never_receive, limits=SHORT) as sandbox:
        assert sandbox.receive() == "ready"
        with pytest.raises(MediaTimeoutError):
            sandbox.send(np.zeros(50_000_000, np.uint8))


def test_sending_to_a_dead_child_says_why_it_died():
    with Sandbox(children.crash) as sandbox:
        sandbox.poll(60)
        with pytest.raises(MediaCrashError, match="SIGSEGV"):
            sandbox.send(np.zeros(50_000_000, np.uint8))


def test_what_a_child_said_before_it_returned_is_heard_although_it_takes_no_more():
    with Sandbox(children.send_without_being_asked, 20) as sandbox:
        assert sandbox._process.wait(60) == 0
        for _ in range(3):
            sandbox.send("too late")
        assert sandbox.poll(0)
        assert [sandbox.receive() for _ in range(20)] == list(range(20))
        assert sandbox.poll(0)
        for _ in range(2):
            with pytest.raises(EOFError):
                sandbox.receive()
        assert sandbox.result == 20
        sandbox.send("far too late")


def test_processor_time_is_limited():
    with pytest.raises(MediaTimeoutError, match="more than 1 s of processor time"):
        run(children.burn, cpu_seconds=1)


def test_processor_time_may_grow_with_the_work_done():
    with Sandbox(children.add_until_told_to_stop, cpu_seconds=1) as sandbox:
        sandbox.allow_cpu(5)
        limits = Path(f"/proc/{sandbox.pid}/limits").read_text()
        assert "Max cpu time              5 " in limits


def test_memory_is_limited():
    few = MediaLimits(max_memory_bytes=200 << 20)
    assert run(children.take_memory, 50 << 20, limits=few) == 50 << 20
    with pytest.raises(MediaError, match="more memory than is allowed"):
        run(children.take_memory, 400 << 20, limits=few)


def test_leaving_the_block_kills_the_child_and_leaves_no_zombie():
    with Sandbox(children.hang) as sandbox:
        pid = sandbox.pid
        assert Path(f"/proc/{pid}").exists()
    assert not Path(f"/proc/{pid}").exists()


def test_files_of_an_unfinished_job_are_removed(tmp_path):
    part = tmp_path / "x.part"
    with Sandbox(children.write_and_hang, part, remove=[part]) as sandbox:
        assert sandbox.receive() == "written"
        assert part.exists()
    assert not part.exists()


def test_the_child_sees_no_secrets_and_loads_no_heavy_modules(monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "secret")
    environment, modules, _ = run(children.what_it_sees)
    assert "HF_TOKEN" not in environment
    assert not {"torch", "gradio", "matplotlib", "moviepy", "soundfile"} & set(modules)


def test_a_script_without_a_main_guard_can_use_it(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        textwrap.dedent(f"""
        import sys
        sys.path.insert(0, {str(Path(__file__).parents[2])!r})
        from sslviz.media.sandbox import run
        from tests.media import children
        print("once", run(children.echo, 5))
    """)
    )
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True,
                          cwd=tmp_path)  # fmt: skip
    assert done.stdout == "once (5,)\n"


def test_workers_of_the_main_module_are_refused():
    def worker(link):
        """Never runs."""

    worker.__module__ = "__main__"
    with pytest.raises(TypeError, match="importable module"):
        Sandbox(worker)


def test_a_child_ends_when_its_parent_is_killed(tmp_path):
    script = tmp_path / "parent.py"
    script.write_text(
        textwrap.dedent(f"""
        import sys, time
        sys.path.insert(0, {str(Path(__file__).parents[2])!r})
        from sslviz.media.sandbox import Sandbox
        from tests.media import children
        sandbox = Sandbox(children.hang)
        print(sandbox.pid, flush=True)
        time.sleep(60)
    """)
    )
    with subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, text=True) as parent:
        pid = int(parent.stdout.readline())
        parent.kill()
    deadline = time.monotonic() + 5
    while _runs(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _runs(pid)


def test_many_sandboxes_run_at_once_from_threads():
    results = []
    threads = [threading.Thread(target=lambda i=i: results.append(run(children.echo, i)))
               for i in range(4)]  # fmt: skip
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == [(0,), (1,), (2,), (3,)]


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
