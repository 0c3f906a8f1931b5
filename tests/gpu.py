"""What tests of GPUs share."""

import pytest

from pyneural import _core

# Without a GPU these tests run on the emulated one (tools/emulate.sh).
needs_gpu = pytest.mark.skipif(not _core.cuda_devices(), reason="no GPU: " + _core.cuda_problem())
