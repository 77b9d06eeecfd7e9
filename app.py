"""Start the app: ``python app.py``. Settings for a public deployment come from the environment."""

from sslviz.cli import main

if (
    __name__ == "__main__"
):  # the media child and worker processes must not start an app of their own
    raise SystemExit(main(["app"]))
