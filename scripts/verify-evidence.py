"""Verifies attestations of `gauntlet report sign` with code that is not ours: securesystemslib for the envelope and the signature,
hashlib for the files, and the tree over the trials built anew. Ends 1 at the first thing that is not so.

    python3 -m venv venv && venv/bin/pip install securesystemslib cryptography
    venv/bin/python scripts/verify-evidence.py gauntlet-report gauntlet.key.pub
"""

import hashlib
import json
import pathlib
import sys

from cryptography.hazmat.primitives.serialization import load_pem_public_key
from securesystemslib.dsse import Envelope
from securesystemslib.signer import SSlibKey


def root(leaves):
    """The root of a tree as in RFC 6962, section 2.1."""
    if len(leaves) < 2:
        return leaves[0] if leaves else hashlib.sha256(b"").digest()
    middle = 1
    while 2 * middle < len(leaves):
        middle *= 2
    return hashlib.sha256(b"\x01" + root(leaves[:middle]) + root(leaves[middle:])).digest()


def main():
    folder, pem = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]).read_bytes()
    statements = {}
    for stem in ["evidence", "test-result", "svr"]:
        data = json.loads((folder / f"{stem}.dsse.json").read_bytes())
        keyid = data["signatures"][0]["keyid"]
        envelope = Envelope.from_dict(data)
        key = SSlibKey.from_crypto(load_pem_public_key(pem), keyid=keyid)
        envelope.verify([key], 1)
        tampered = Envelope(envelope.payload + b" ", envelope.payload_type, envelope.signatures)
        try:
            tampered.verify([key], 1)
        except Exception:
            pass
        else:
            sys.exit(f"{stem}: the signature holds for another payload, too")
        statements[stem] = json.loads(envelope.payload)
        assert statements[stem]["_type"] == "https://in-toto.io/Statement/v1"
        print(f"{stem}: signed by {key.keytype} {key.keyid[:16]}, {statements[stem]['predicateType']}")
    evidence = statements["evidence"]["predicate"]
    for file in evidence["files"]:
        found = hashlib.sha256((folder / file["name"]).read_bytes()).hexdigest()
        assert found == file["sha256"], f"{file['name']} is not the file that was attested"
    record = json.loads((folder / "record.json").read_bytes())
    compact = [json.dumps(trial, ensure_ascii=False, separators=(",", ":")).encode() for trial in record["trials"]]
    leaves = [hashlib.sha256(b"\x00" + trial).digest() for trial in compact]
    assert len(leaves) == evidence["trials"]["leaves"]
    assert root(leaves).hex() == evidence["trials"]["root"], "the tree over the trials is another one"
    passed = [f"{trial['attack']} on {trial['target']}" for trial in record["trials"] if trial["verdict"] == "contained"]
    assert statements["test-result"]["predicate"]["passedTests"] == passed
    print(f"{len(evidence['files'])} files and a tree over {len(leaves)} trials are as attested")


main()
