"""From a video to a score track."""

from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import TypeVar

from sslviz.media.closing import Closing
from sslviz.media.hashing import sha256_of
from sslviz.options import AnalysisOptions, MediaLimits
from sslviz.overlay import Artwork
from sslviz.pipeline.brain import Brain, TrackBuilder
from sslviz.pipeline.drawing import Drawer, draw_artwork
from sslviz.pipeline.job import Found, Heard, Heats, Job, Paint, Progress
from sslviz.pipeline.session import Session, StopCheck
from sslviz.types import Localizer, ScoreMap, ScoreTrack

DEFAULT_OPTIONS = AnalysisOptions()
DEFAULT_LIMITS = MediaLimits()
_Step = TypeVar("_Step")
_Result = TypeVar("_Result")


def run_to_end(
    work: Generator[_Step, None, _Result], tell: Callable[[_Step], object] | None = None
) -> _Result:
    """Exhaust a generator, telling of each of its steps, and hand back its result.

    Whatever ends it early closes the generator.
    """
    with closing(work):
        while True:
            try:
                step = next(work)
            except StopIteration as end:
                result: _Result = end.value
                return result
            if tell is not None:
                tell(step)


def iter_analyse(
    source: str | Path,
    localizer: Localizer,
    options: AnalysisOptions = DEFAULT_OPTIONS,
    limits: MediaLimits = DEFAULT_LIMITS,
    stop: StopCheck | None = None,
) -> Generator[Progress, None, ScoreTrack]:
    """Run the localizer over a video, yielding progress; returns the track.

    Args:
        source: A video file.
        localizer: What finds the source of the sound.
        options: Rate of maps, span, batch size, sound track.
        limits: What the file may cost.
        stop: Asked often; once it says ``True`` the track so far is returned, marked incomplete.

    Raises:
        MediaError: The file cannot be used.
    """
    job = Job(Path(source), None, localizer.spec, options, limits)
    with Session("analyse", job, stop) as session, Listening(session, localizer) as listening:
        yield from listening.run()
        return listening.track()


def analyse(
    source: str | Path,
    localizer: Localizer,
    options: AnalysisOptions = DEFAULT_OPTIONS,
    limits: MediaLimits = DEFAULT_LIMITS,
    stop: StopCheck | None = None,
) -> ScoreTrack:
    """As `iter_analyse`, to the end."""
    return run_to_end(iter_analyse(source, localizer, options, limits, stop))


class Listening(Closing):
    """Windows in, maps out: the parent's side of an analysis, painting too where the job has a target."""

    def __init__(self, session: Session, localizer: Localizer) -> None:
        self._session, self._localizer = session, localizer
        self._hasher = ThreadPoolExecutor(1, thread_name_prefix="sslviz-hash")
        self._hash: Future[str] | None = None
        self._brain: Brain | None = None
        self._builder: TrackBuilder | None = None
        self._drawer: Drawer | None = None
        self._heard_until = session.job.options.start_seconds

    def run(self) -> Generator[Progress, None, None]:
        """Until the child has ended and every window has its map."""
        session = self._session
        while not (session.ended and (self._brain is None or self._brain.idle or session.stopped)):
            session.check_stop()
            fresh = self._answer()
            message = session.next_message()
            if isinstance(message, Found):
                self._begin(message)
            elif isinstance(message, Heard):
                assert self._brain is not None
                self._brain.push(message)
            elif message is not None or fresh:
                yield session.progress()
        self._answer()
        yield session.progress()

    def track(self) -> ScoreTrack:
        """What was found."""
        session = self._session
        assert session.done is not None
        assert self._builder is not None
        assert self._hash is not None
        assert self._brain is not None
        end, partial = session.done.end_seconds, session.done.partial or not self._brain.idle
        if partial and session.job.target is None:
            end = min(end, self._heard_until)  # decoding was ahead of the localizer
        return self._builder.build(self._hash.result(), end, complete=not partial)

    def close(self) -> None:
        """Drop what waits for the localizer."""
        self._hasher.shutdown(wait=False, cancel_futures=True)
        if self._brain is not None:
            self._brain.close()
        if self._builder is not None:
            self._builder.close()

    def _begin(self, found: Found) -> None:
        job, identity = self._session.job, self._localizer.identity
        self._hash = self._hasher.submit(sha256_of, job.source)
        rings = self._session.bell.ring
        self._brain = Brain(self._localizer, job.options, found.has_sound, rings)
        self._builder = TrackBuilder(identity, self._localizer.spec, job.options, found.has_sound)
        if job.target is not None:
            self._drawer = Drawer(identity, job.style, found.has_sound)

    def _answer(self) -> bool:
        """Give the child the heat of a finished batch; whether there was one."""
        if self._brain is None or self._builder is None:
            return False
        done = self._brain.advance()
        if not done:
            return False
        heats = []
        if self._drawer is not None and not len(self._builder):
            self._session.send(Paint(self._artwork(done[0][1])))
        for window, score_map in done:
            if self._drawer is not None:
                heats.append(self._drawer(score_map, window.level_dbfs))
            self._builder.add(score_map, window.level_dbfs)
        self._heard_until = done[-1][0].end_seconds
        self._session.windows_done += len(done)
        self._session.score_map = done[-1][1]
        self._session.send(Heats(len(done), tuple(heats)))
        return True

    def _artwork(self, score_map: ScoreMap) -> Artwork:
        """Drawn when the first map has told what its scores mean."""
        found, style = self._session.found, self._session.job.style
        assert found is not None
        size = found.info.width, found.info.height
        return draw_artwork(self._localizer.identity, score_map.scale, style, size)
