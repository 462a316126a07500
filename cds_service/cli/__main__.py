"""``python -m cds_service.cli``: the same as ``ldn-cds``."""

from cds_service.cli import main

main()
