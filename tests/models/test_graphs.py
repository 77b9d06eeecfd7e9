"""The encoders as OpenVINO graphs say what the modules say, from any thread, and call nobody."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch

from sslviz.checkpoints import find_folder, load_network
from sslviz.media.reader import VideoReader
from sslviz.models.compact import CompactNetwork
from sslviz.models.graphs import CompactGraphs
from sslviz.models.precision import cpu_is_fast_in_bfloat16

ROOT = Path(__file__).parents[2]
METHODS = ["marginnce-compact", "jsa-compact"]


def loaded(method: str) -> CompactNetwork:
    folder = find_folder(method)
    assert folder is not None
    network = load_network(folder)
    assert isinstance(network, CompactNetwork)
    return network.prepare_for_inference()


def graphs_of(network: CompactNetwork, half_head: bool = False) -> CompactGraphs:
    return CompactGraphs(network.image_encoder, network.cell_head, network.audio_encoder, half_head)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("size", [224, 320, 384])
def test_cells_are_those_of_the_modules(method: str, size: int) -> None:
    network = loaded(method)
    images = torch.rand(2, 3, size, size, generator=torch.Generator().manual_seed(size))
    with torch.inference_mode():
        expected = network.cells(*network.image_encoder.early(images * 2 - 1))
        found = graphs_of(network).cells(images)
    for name, one, other in zip(expected._fields, found, expected, strict=True):
        torch.testing.assert_close(one, other, atol=1e-4, rtol=1e-4, msg=lambda m, n=name: n + m)


@pytest.mark.parametrize("method", METHODS)
def test_what_the_tagger_hears_is_that_of_the_module(method: str) -> None:
    network = loaded(method)
    waves = torch.randn(2, 160_000, generator=torch.Generator().manual_seed(1)) * 0.1
    with torch.inference_mode():
        spectrograms = network.spectrogram(waves)
        expected = network.audio_encoder(spectrograms)
        found = graphs_of(network).sound_features(spectrograms)
    for name, one, other in zip(expected._fields, found, expected, strict=True):
        torch.testing.assert_close(one, other, atol=1e-4, rtol=1e-4, msg=lambda m, n=name: n + m)


def test_a_graph_follows_weights_that_are_not_the_shipped_ones() -> None:
    """A graph that had kept somebody's weights would pass the tests above."""
    torch.manual_seed(5)
    network = loaded("marginnce-compact")
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(1 + 0.05 * torch.randn_like(parameter))
    images = torch.rand(1, 3, 224, 224)
    with torch.inference_mode():
        expected = network.cells(*network.image_encoder.early(images * 2 - 1))
        found = graphs_of(network).cells(images)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, atol=1e-3, rtol=1e-3)


def test_the_first_graph_may_be_met_by_several_threads_at_once() -> None:
    """Rarely, OpenVINO's first look at a type, made by two threads at the same time, never came back."""
    code = """
import sys, threading
import numpy as np, torch
from sslviz.models.openvino_runtime import Graph, openvino

sys.setswitchinterval(1e-6)
torch.set_num_threads(1)
graph = Graph(lambda node: [openvino().opset13.relu(node)])
def meet():
    with graph.run(np.ones((1, 3), np.float32)) as found:
        assert found[0].sum() == 3
threads = [threading.Thread(target=meet) for _ in range(8)]
[t.start() for t in threads]; [t.join() for t in threads]
print("all")
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )  # fmt: skip
    assert done.stdout.strip() == "all", done.stderr


@pytest.mark.skipif(not cpu_is_fast_in_bfloat16(), reason="the processor has no bfloat16")
def test_a_head_in_bfloat16_hardly_moves_the_maps_of_real_frames() -> None:
    """The map is the root of a cosine: next to 0 it doubles the digits of an error that nobody can see."""
    network = loaded("marginnce-compact")
    with VideoReader(ROOT / "examples/dog.mp4") as reader:
        frames = [f.rgb(384).copy() for i, f in enumerate(reader.frames()) if i % 20 == 0][:6]
    images = torch.from_numpy(np.stack(frames)).permute(0, 3, 1, 2).float() / 255
    generator = torch.Generator().manual_seed(2)
    with torch.inference_mode():
        sounds = network.encode_sounds(torch.randn(len(frames), 160_000, generator=generator) * 0.1)
        plain, half = (
            network.score(tuple(graphs_of(network, half_head=half).cells(images)), sounds)
            for half in (False, True)
        )
    assert not torch.equal(plain.cells, half.cells), "the head did run in bfloat16"
    cosines = [scores.cells * scores.cells.abs() for scores in (plain, half)]
    torch.testing.assert_close(*cosines, atol=1e-2, rtol=0)
    seen = plain.cells.abs() > 0.1
    torch.testing.assert_close(half.cells[seen], plain.cells[seen], atol=1e-2, rtol=0)
    torch.testing.assert_close(half.confidence, plain.confidence, atol=1e-2, rtol=0)


def test_two_threads_do_not_get_each_others_results() -> None:
    network = loaded("marginnce-compact")
    graphs = graphs_of(network)
    images = [torch.full((1, 3, 224, 224), shade) for shade in (0.1, 0.4, 0.7, 0.9)] * 6
    with torch.inference_mode():
        alone = [graphs.cells(image) for image in images[:4]] * 6
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(graphs.cells, images))
    for one, other in zip(together, alone, strict=True):
        for part, expected in zip(one, other, strict=True):
            np.testing.assert_array_equal(part.numpy(), expected.numpy())


def test_importing_openvino_reports_to_nobody() -> None:
    """Its package would send an event to its makers at every import."""
    code = (
        "import sys, threading\n"
        "calls = []\n"
        "def heard(event, args):\n"
        "    if event in ('socket.connect', 'socket.getaddrinfo', 'subprocess.Popen'):\n"
        "        calls.append((event, args))\n"
        "from sslviz.models.openvino_runtime import openvino\n"
        "sys.addaudithook(heard)\n"
        "started = threading.active_count()\n"
        "assert openvino() is not None\n"
        "import time; time.sleep(1)\n"
        "assert 'openvino' in sys.modules\n"
        "assert sys.modules['openvino_telemetry'] is None\n"
        "assert threading.active_count() == started\n"
        "assert not calls, calls\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_without_openvino_the_same_maps_come_from_torch(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "if sys.argv[1] == 'without': sys.modules['openvino'] = None\n"
        "import numpy as np\n"
        "from sslviz import load_localizer\n"
        "from sslviz.evaluation.library import still_window, white_noise\n"
        "net = load_localizer('marginnce-compact', device='cpu')\n"
        "assert (net.graphs is None) == (sys.argv[1] == 'without')\n"
        "rng = np.random.default_rng(0)\n"
        "image = np.kron(rng.integers(0, 256, (6, 6, 3)), np.ones((64, 64, 1))).astype(np.uint8)\n"
        "(found,) = net.localize([still_window(image, white_noise(net.spec, rng))])\n"
        "np.save(sys.argv[2], found.values)\n"
    )
    maps = []
    for kind in ("with", "without"):
        target = tmp_path / f"{kind}.npy"
        command = [sys.executable, "-c", code, kind, str(target)]
        subprocess.run(command, check=True, cwd=ROOT)
        maps.append(np.load(target))
    np.testing.assert_allclose(*maps, atol=1e-2)
