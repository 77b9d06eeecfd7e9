import pytest

from sslviz.errors import OptionError
from sslviz.ui.settings import MEGABYTE, Deployment, deployment_from


def test_at_home_length_is_free_and_results_stay_a_day():
    assert deployment_from({}) == Deployment()
    assert deployment_from({}).max_duration_seconds is None


def test_a_space_is_public_unless_it_says_otherwise():
    public = deployment_from({"SPACE_ID": "someone/sslviz"})
    assert public.public
    assert public.max_bytes == 200 * MEGABYTE
    assert public.max_duration_seconds == 600
    assert public.queue_size == 8
    assert public.keep_seconds == 3600
    assert not deployment_from({"SPACE_ID": "x/y", "SSLVIZ_PUBLIC": "0"}).public


def test_every_limit_can_be_set_and_reaches_the_media_reader(tmp_path):
    chosen = deployment_from(
        {
            "SSLVIZ_MAX_MEGABYTES": "5", "SSLVIZ_MAX_MINUTES": "0.5", "SSLVIZ_QUEUE_SIZE": "3",
            "SSLVIZ_KEEP_MINUTES": "2", "SSLVIZ_FOLDER": str(tmp_path), "SSLVIZ_MCP": "1",
        }
    )  # fmt: skip
    limits = chosen.media_limits()
    assert (limits.max_bytes, limits.max_duration_seconds) == (5 * MEGABYTE, 30)
    assert (chosen.queue_size, chosen.keep_seconds, chosen.folder) == (3, 120, tmp_path)
    assert chosen.mcp


@pytest.mark.parametrize("value", ["many", "0", "-3", "nan"])
def test_a_limit_that_is_no_positive_number_is_refused_by_name(value):
    with pytest.raises(OptionError, match="SSLVIZ_MAX_MEGABYTES"):
        deployment_from({"SSLVIZ_MAX_MEGABYTES": value})


def test_a_flag_that_is_no_flag_is_refused_by_name():
    with pytest.raises(OptionError, match="SSLVIZ_PUBLIC"):
        deployment_from({"SSLVIZ_PUBLIC": "perhaps"})
