# Computes proof-of-work.json: the eq60 puzzle a second time, from docs/proof-of-work.md alone, with hashlib and
# dictionaries instead of typed arrays. Run: python3 test/vectors/proof_of_work.py > test/vectors/proof-of-work.json
import hashlib
import json
import struct

ATTEMPTS = 12


def sha256(data):
    return hashlib.sha256(data).digest()


def item(s, i):
    digest = sha256(s + struct.pack(">I", i >> 2))
    lane = digest[8 * (i & 3) : 8 * (i & 3) + 8]
    return int.from_bytes(lane, "big") & (2**60 - 1)


def join(rows, shift):
    """All pairs of rows, (value, indices), that are equal in the bits above `shift` and share no index."""
    buckets = {}
    for value, indices in rows:
        buckets.setdefault(value >> shift, []).append((value, indices))
    for bucket in buckets.values():
        for n, (left, left_indices) in enumerate(bucket):
            for right, right_indices in bucket[:n]:
                if set(left_indices).isdisjoint(right_indices):
                    pair = sorted([left_indices, right_indices])
                    yield left ^ right, pair[0] + pair[1]


def solve(s):
    singles = [(item(s, i), (i,)) for i in range(65536)]
    pairs = list(join(singles, 45))
    quads = list(join(pairs, 30))
    return sorted(indices for value, indices in join(quads, 0))


def filter_value(s, indices):
    return struct.unpack(">I", sha256(s + struct.pack(">8H", *indices))[:4])[0]


def xor_all(s, indices):
    value = 0
    for i in indices:
        value ^= item(s, i)
    return value


def near_miss(s):
    """Eight indices of which the pairs and quads cancel and all eight do not."""
    singles = [(item(s, i), (i,)) for i in range(65536)]
    quads = sorted(indices for value, indices in join(list(join(singles, 45)), 30))
    first = quads[0]
    second = next(q for q in quads if q[0] > first[0] and set(q).isdisjoint(first))
    assert xor_all(s, first + second) != 0
    return first + second


token = bytes(range(120))
seed = sha256(b"jaycloud/1/pow" + b"\0" + token)
attempts = []
false = []
for j in range(ATTEMPTS):
    s = sha256(seed + struct.pack(">I", j))
    found = solve(s)
    for indices in found:
        assert xor_all(s, indices) == 0
    attempts.append(
        {
            "attempt": j,
            "attemptSeed": s.hex(),
            "items": {str(i): "%015x" % item(s, i) for i in (0, 1, 2, 3, 4, 65535)},
            "solutions": [{"indices": x, "filterValue": filter_value(s, x)} for x in found],
        }
    )

j = next(a["attempt"] for a in attempts if a["solutions"])
s = sha256(seed + struct.pack(">I", j))
good = list(attempts[j]["solutions"][0]["indices"])


def refuse(reason, indices, attempt=j):
    false.append({"attempt": attempt, "indices": list(indices), "reason": reason})


refuse("the halves are swapped", good[4:] + good[:4])
refuse("the first pair is swapped", [good[1], good[0]] + good[2:])
refuse("the first two pairs are swapped", good[2:4] + good[:2] + good[4:])
refuse("the indices are sorted, so the tree is another", sorted(good))
x = good
pairs = [sorted([x[0], x[2]]), sorted([x[1], x[3]])]
refuse("pairs are mixed within a quad: quads and all cancel, pairs do not", sum(sorted(pairs), []) + x[4:])
quads = [x[0:2] + x[4:6], sum(sorted([x[2:4], x[6:8]]), [])]
refuse("pairs are mixed between quads: pairs and all cancel, quads do not", sum(sorted(quads), []))
refuse("one index is another", good[:7] + [good[7] ^ 1])
refuse("one index stands twice", good[:7] + [good[6]])
refuse("all indices stand twice, so everything cancels", good[:4] + good[:4])
refuse("a solution of another attempt", good, j + 1)
refuse("pairs and quads cancel, all eight do not", near_miss(s))
refuse("nothing cancels", [0, 1, 2, 3, 4, 5, 6, 7])

fields = {
    "purpose": "query",
    "tier": "new",
    "units": 3,
    "floorAttempts16": 1000,
    "puzzles": 16,
    "effort256": 300,
    "issuedAtS": 1_800_000_000,
    "lifetimeS": 120,
    "replica": 513,
    "epoch": 0xDEADBEEF,
    "seq": 2**40 + 5,
    "subject": bytes(range(16)).hex(),
    "binding": bytes(range(32, 64)).hex(),
    "budget": {"bytes": 2**40 + 1, "blobs": 4096, "ids": 16384},
    "salt": bytes(range(8)).hex(),
}
body = struct.pack(
    ">BBBBIIHHI6s16s32sQII8sBBI",
    *(2, 1, 4, 16, 300, 1_800_000_000, 120, 513, 0xDEADBEEF, (2**40 + 5).to_bytes(6, "big")),
    *(bytes(range(16)), bytes(range(32, 64)), 2**40 + 1, 4096, 16384, bytes(range(8)), 2, 3, 1000),
)

binding = sha256(b"jaycloud/1/pow-binding" + b"\0" + b"login" + b"\0" + b"anna@example.org")
records = sorted(
    struct.pack(">I8H", a["attempt"], *x["indices"]) for a in attempts for x in a["solutions"]
)
print(
    json.dumps(
        {
            "token": token.hex(),
            "seed": seed.hex(),
            "attempts": attempts,
            "encoded": b"".join(records).hex(),
            "false": false,
            "tokenBody": {"fields": fields, "bytes": body.hex()},
            "binding": {"purpose": "login", "account": "anna@example.org", "hash": binding.hex()},
        },
        indent=1,
    )
)
