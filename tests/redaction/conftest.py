from tests.replay.conftest import replayer

__all__ = ["replayer"]
