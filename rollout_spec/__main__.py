"""``python -m rollout_spec`` is the command ``rollout-spec``."""

from rollout_spec.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
