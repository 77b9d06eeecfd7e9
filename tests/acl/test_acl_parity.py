"""ACL computes what its authors' code computes."""

import pytest
from acl_parity import filter_bank_entry, table


def test_the_filter_bank_is_the_references() -> None:
    entry = filter_bank_entry()
    assert entry.error <= entry.tolerance


@pytest.mark.slow
def test_every_stored_output_of_the_reference_is_reproduced_at_real_size() -> None:
    wrong = [entry for entry in table() if not entry.error <= entry.tolerance]
    assert not wrong
