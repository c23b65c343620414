"""What the machines hold against each other is shown when it differs."""

import pytest

pytest.register_assert_rewrite("services.files.model.rest", "services.files.model.everything", "services.files.model.household")
