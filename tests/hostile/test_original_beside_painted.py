"""The original beside the painted video: a stranger's file is opened by nothing but the sandbox."""

import av

from sslviz.ui import compose, work
from sslviz.ui.localizers import Shelf
from sslviz.ui.settings import Deployment
from sslviz.ui.work import RunRequest, open_desk
from tests.hostile.rendering import Paced
from tests.media.clips import Recipe, make, turn


def test_the_original_is_written_anew_before_moviepy_sees_it(tmp_path):
    # moviepy takes a turned file for its stored shape and squeezes it: the shape tells who read it.
    clip = make(tmp_path / "clip.mp4", Recipe(frames=25))
    turned = turn(clip, tmp_path / "turned.mp4", "90")
    desk = open_desk(
        Deployment(folder=tmp_path / "store"), Shelf(load=lambda name, device: Paced())
    )
    upload = desk.store.new_upload("turned.mp4")
    upload.path.write_bytes(turned.read_bytes())
    *_, done = work.run(desk, RunRequest(upload.token, "marginnce-compact"))
    assert done["state"] == "done"
    folder = desk.store.result(done["token"]).folder
    before = {path.name for path in folder.iterdir()}
    *_, told = compose.side_by_side(desk, done["token"])
    assert told["state"] == "file"
    assert {path.name for path in folder.iterdir()} - before == {compose.SIDE}
    with av.open(str(folder / compose.SIDE)) as file:
        stream = file.streams.video[0]
        assert (stream.width, stream.height) == (2 * 640, 480)
        left = next(file.decode(video=0)).to_ndarray(format="rgb24")[:, :640]
    red, blue = left[:60, :60].mean((0, 1)), left[:60, -60:].mean((0, 1))
    assert red[0] > 150 > red[2], "the red corner is where an upright picture has it"
    assert blue[2] > 150 > blue[0]
