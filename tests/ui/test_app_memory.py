"""What the app keeps of visitors who have left."""

import subprocess
import sys
from pathlib import Path

VISITS = """
import sys
from pathlib import Path
from sslviz.ui import server
from sslviz.ui.settings import Deployment
app = server.start(server.ServerOptions(open_browser=False), Deployment(folder=Path(sys.argv[1])))
holder = app.page.state_holder
for number in range(300):
    holder[f"visitor-{number}"]
print(len(holder.session_data), "visitor-299" in holder, server.PAGES_REMEMBERED)
app.close()
"""


def test_gradio_forgets_pages_instead_of_growing_with_every_visitor(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", VISITS, str(tmp_path)], cwd=root, capture_output=True, text=True,
        timeout=240, check=True,
    )  # fmt: skip
    kept, newest, limit = done.stdout.split()[-3:]
    assert (kept, newest) == (limit, "True")
    assert int(limit) < 300
