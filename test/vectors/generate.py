"""Computes the vectors of format v1 from docs/format.md, without the TypeScript code.

Needs Python 3.9 or newer and the package `cryptography`. Run from anywhere: it writes its JSON files beside itself.
"""
import hashlib
import hmac
import json
import os
import struct
import zlib

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

HERE = os.path.dirname(os.path.abspath(__file__))
MIN_CHUNK, AVERAGE_CHUNK, MAX_CHUNK = 256 * 1024, 1024 * 1024, 4 * 1024 * 1024 - 12


def sha256(data):
    return hashlib.sha256(data).digest()


def mac(key, data):
    return hmac.new(key, data, hashlib.sha256).digest()


def hkdf(secret, salt, info, length):
    prk = mac(salt or bytes(32), secret)
    out, block, counter = b"", b"", 1
    while len(out) < length:
        block = mac(prk, block + info + bytes([counter]))
        out += block
        counter += 1
    return out[:length]


# --- Structured data: the subset of deterministic CBOR that the format uses ---------------------------------------

def cbor_head(major, value):
    if value < 24:
        return bytes([major << 5 | value])
    for code, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if value < 1 << (8 * size):
            return bytes([major << 5 | code]) + value.to_bytes(size, "big")
    raise ValueError(value)


def cbor(value):
    if value is None:
        return b"\xf6"
    if value is True or value is False:
        return b"\xf5" if value else b"\xf4"
    if isinstance(value, int):
        return cbor_head(0, value) if value >= 0 else cbor_head(1, -1 - value)
    if isinstance(value, bytes):
        return cbor_head(2, len(value)) + value
    if isinstance(value, str):
        text = value.encode()
        return cbor_head(3, len(text)) + text
    return cbor_head(4, len(value)) + b"".join(cbor(item) for item in value)


# --- Frames and blobs ---------------------------------------------------------------------------------------------

def padme(length):
    """Padme from its definition: with E the exponent of the length and S the bits that E itself needs, the lowest
    E - S bits of a padded length are zero."""
    if length <= 1024:
        return 1024
    exponent = length.bit_length() - 1
    step = 2 ** (exponent - exponent.bit_length())
    return -(-length // step) * step


def frame(kind, raw):
    body = bytes([1, kind, 0, 0]) + struct.pack(">II", len(raw), len(raw)) + raw
    return body.ljust(padme(len(body)), b"\0")


def seal(salt, kind, raw, children=None):
    clear = b"JC\x01\x00"
    if children is not None:
        clear = b"JC\x01\x01" + struct.pack(">I", len(children)) + b"".join(children)
    plain = frame(kind, raw)
    input_hash = sha256(clear + plain)
    key = hkdf(input_hash, salt, b"jaycloud/1/chunk-key", 32)
    blob = clear + AESGCM(key).encrypt(bytes(12), plain, b"jaycloud/1/blob\0" + clear)
    return {"inputHash": input_hash, "key": key, "id": sha256(blob), "blob": blob}


# --- Chunking -----------------------------------------------------------------------------------------------------

def gear_table(secret=None):
    table = []
    for index in range(256):
        message = b"jaycloud/1/chunker/gear\0" + bytes([index])
        digest = sha256(message) if secret is None else mac(secret, message)
        table.append(int.from_bytes(digest[:4], "big"))
    return table


def cut(data, table):
    """Length of the first chunk of data."""
    if len(data) <= MIN_CHUNK:
        return len(data)
    value = 0
    for position in range(MIN_CHUNK, min(len(data), MAX_CHUNK)):
        value = (2 * value + table[data[position]]) % 2**32
        zero_bits = 22 if position < AVERAGE_CHUNK else 18
        if value < 2 ** (32 - zero_bits):
            return position + 1
    return min(len(data), MAX_CHUNK)


def stream(seed, length):
    """Test data: SHA-256 of seed | counter u32 BE, joined and cut to length."""
    blocks = (sha256(seed + struct.pack(">I", i)) for i in range(-(-length // 32)))
    return b"".join(blocks)[:length]


# --- Text and keys ------------------------------------------------------------------------------------------------

def recovery_text(key):
    alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
    data = key + sha256(b"jaycloud/1/recovery-key\0" + key)[:3]
    bits = "".join(f"{byte:08b}" for byte in data)
    letters = "".join(alphabet[int(bits[i:i + 5], 2)] for i in range(0, len(bits), 5))
    return "-".join(letters[i:i + 4] for i in range(0, len(letters), 4))


def public_ed25519(seed):
    key = Ed25519PrivateKey.from_private_bytes(seed)
    return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def envelope(kek, salt, purpose, aad, plaintext):
    out = hkdf(kek, salt, b"jaycloud/1/envelope\0" + purpose.encode() + b"\0" + sha256(aad), 76)
    return b"JCE1" + salt + out[44:] + AESGCM(out[:32]).encrypt(out[32:44], plaintext, None)


# --- HPKE (RFC 9180), base mode, DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM --------------------------------

KEM_SUITE = b"KEM" + struct.pack(">H", 0x20)
HPKE_SUITE = b"HPKE" + struct.pack(">HHH", 0x20, 1, 2)


def labeled_extract(suite, salt, label, ikm):
    return mac(salt or bytes(32), b"HPKE-v1" + suite + label + ikm)


def labeled_expand(suite, prk, label, info, length):
    info = struct.pack(">H", length) + b"HPKE-v1" + suite + label + info
    return mac(prk, info + b"\x01")[:length]


def derive_key_pair(ikm):
    prk = labeled_extract(KEM_SUITE, b"", b"dkp_prk", ikm)
    private = labeled_expand(KEM_SUITE, prk, b"sk", b"", 32)
    public = X25519PrivateKey.from_private_bytes(private).public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return private, public


def hpke_seal(public, ephemeral_seed, info, plaintext):
    ephemeral, enc = derive_key_pair(ephemeral_seed)
    shared = X25519PrivateKey.from_private_bytes(ephemeral).exchange(X25519PublicKey.from_public_bytes(public))
    prk = labeled_extract(KEM_SUITE, b"", b"eae_prk", shared)
    secret = labeled_expand(KEM_SUITE, prk, b"shared_secret", enc + public, 32)
    context = b"\0" + labeled_extract(HPKE_SUITE, b"", b"psk_id_hash", b"")
    context += labeled_extract(HPKE_SUITE, b"", b"info_hash", info)
    prk = labeled_extract(HPKE_SUITE, secret, b"secret", b"")
    key = labeled_expand(HPKE_SUITE, prk, b"key", context, 32)
    nonce = labeled_expand(HPKE_SUITE, prk, b"base_nonce", context, 12)
    return enc, AESGCM(key).encrypt(nonce, plaintext, b"")


# --- The files ----------------------------------------------------------------------------------------------------

def write(name, value):
    def text(item):
        if isinstance(item, bytes):
            return item.hex()
        if isinstance(item, dict):
            return {key: text(inner) for key, inner in item.items()}
        if isinstance(item, (list, tuple)):
            return [text(inner) for inner in item]
        return item

    with open(os.path.join(HERE, name), "w", encoding="utf-8") as file:
        json.dump(text(value), file, indent=2)
        file.write("\n")


EVERYONE = sha256(b"jaycloud/1/domain/everyone")
VAULT_SECRET = bytes([9]) * 32
VAULT_SALT = hkdf(VAULT_SECRET, b"", b"jaycloud/1/vault/dedup-salt", 32)


def seal_vectors():
    cases = []
    for name, salt, raw in (
        ("the empty chunk, everyone", EVERYONE, b""),
        ("a short text, everyone", EVERYONE, b"hello, jaycloud\n"),
        ("a short text, vault", VAULT_SALT, b"hello, jaycloud\n"),
        ("the longest content of the shortest frame", EVERYONE, stream(b"a", 1012)),
        ("one byte more", EVERYONE, stream(b"a", 1013)),
        ("100,000 bytes", VAULT_SALT, stream(b"b", 100_000)),
    ):
        sealed = seal(salt, 0, raw)
        blob = sealed.pop("blob")
        short = {"raw": raw, "blob": blob} if len(raw) < 100 else {}
        cases.append({"name": name, "salt": salt, "rawLength": len(raw), "rawHash": sha256(raw),
                      "blobLength": len(blob), **sealed, **short})
    children = [sha256(b"child 0"), sha256(b"child 1")]
    nodes = []
    for kind, raw, ids in ((1, b"leaf", []), (2, b"index", children), (3, b"list", children[:1])):
        nodes.append({"kind": kind, "raw": raw, "children": ids, **seal(VAULT_SALT, kind, raw, ids)})
    write("seal.json", {"leaves": cases, "nodes": nodes, "vaultSalt": VAULT_SALT})


def frame_vectors():
    write("frame.json", [
        {"kind": kind, "raw": raw, "frame": frame(kind, raw)}
        for kind, raw in ((0, b""), (0, b"abc"), (3, bytes(range(256))))
    ])


def padme_vectors():
    lengths = [0, 1, 1023, 1024, 1025, 1040, 1056, 1057, 2047, 2048, 2049, 65535, 65536, 65537, 262156, 1048576,
               1048588, 2097153, 4194303, 4194304]
    write("padme.json", [{"length": length, "padded": padme(length)} for length in lengths])


def chunker_vectors():
    data = stream(b"chunks", 6_000_000)
    sets = []
    for secret in (None, bytes([5]) * 32):
        table = gear_table(secret)
        lengths, at = [], 0
        while at < len(data):
            lengths.append(cut(data[at:], table))
            at += lengths[-1]
        sets.append({"secret": secret, "tableHash": sha256(b"".join(struct.pack(">I", word) for word in table)),
                     "firstWords": table[:4], "lengths": lengths})
    zeros = [cut(bytes(MAX_CHUNK + 1), gear_table())]
    write("chunker.json", {"seed": b"chunks", "dataLength": len(data), "dataHash": sha256(data), "sets": sets,
                           "zeros": zeros})


TOKEN_ID, TOKEN_SECRET = bytes(range(16)), bytes([0x21]) * 32


def token_domain():
    secret = hkdf(VAULT_SECRET, TOKEN_ID, b"jaycloud/1/vault/token-domain", 32)
    return {"dedupSalt": hkdf(secret, b"", b"jaycloud/1/vault/dedup-salt", 32),
            "chunkerSecret": hkdf(secret, b"", b"jaycloud/1/vault/chunker", 32)}


def name_parts(name):
    """A part ends behind each of / . _ - and at the end."""
    parts, part = [], ""
    for character in name:
        part += character
        if character in "/._-":
            parts.append(part)
            part = ""
    return parts + ([part] if part else [])


def descend(path, key, name):
    for part in name_parts(name):
        path += mac(key, b"jaycloud/1/name-part\0" + part.encode())[:16]
        key = mac(key, b"jaycloud/1/name-key\0" + part.encode())
    return path, key


def name_tag(path):
    node = bytes(32)
    for at in range(0, len(path), 16):
        node = sha256(b"jaycloud/1/name-node\0" + node + path[at:at + 16])
    return node


NAME_KEY = hkdf(VAULT_SECRET, b"", b"jaycloud/1/vault/name", 32)


def name_vectors():
    names = []
    for name in ("a", "laptop/home – ü", "ci/build-7", "ci/", "ci", "x.y_z-", "-"):
        path, key = descend(b"", NAME_KEY, name)
        names.append({"name": name, "path": path, "key": key, "tag": name_tag(path)})
    write("names.json", {"nameKey": NAME_KEY, "names": names})


def base62(value):
    digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    text = ""
    while value:
        value, digit = divmod(value, 62)
        text = digits[digit] + text
    return text


def token_vectors():
    cases = []
    for token_id, secret, server in ((TOKEN_ID, TOKEN_SECRET, "https://storage.example:8787"),
                                     (bytes(16), bytes(32), ""), (bytes([255]) * 16, bytes([255]) * 32, "file:///a%20b")):
        body = b"\x01" + token_id + secret + server.encode()
        whole = body + struct.pack(">I", zlib.crc32(body))
        cases.append({"id": token_id, "secret": secret, "server": server,
                      "text": "jct_" + base62(int.from_bytes(whole, "big"))})
    path, key = descend(b"", NAME_KEY, "ci/")
    domain = token_domain()
    identity = public_ed25519(bytes([4]) * 32)
    plain = cbor([1, identity, bytes([0x60]) * 32, ["ci", descend(b"", NAME_KEY, "ci")[0], path, key],
                  [domain["dedupSalt"], domain["chunkerSecret"]], []])
    bundle_key = hkdf(TOKEN_SECRET, b"", b"jaycloud/1/token/bundle", 32)
    sealed = envelope(bundle_key, bytes([3]) * 32, "token", TOKEN_ID + bytes([7]) * 16, plain)
    write("token.json", {"strings": cases, "vaultId": bytes([7]) * 16, "bundlePlain": plain, "bundle": sealed,
                         "identityPublicKey": identity, "vaultPublicKey": bytes([0x60]) * 32})


def key_vectors():
    root, recovery, export = bytes([1]) * 32, bytes([2]) * 32, bytes([3]) * 64
    derive = lambda secret, label: hkdf(secret, b"", label.encode(), 32)
    vault = {field: derive(VAULT_SECRET, "jaycloud/1/vault/" + label) for field, label in (
        ("dedupSalt", "dedup-salt"), ("chunkerSecret", "chunker"), ("nameKey", "name"), ("hpkeSeed", "hpke"),
        ("cacheKey", "cache"))}
    identity = derive(root, "jaycloud/1/account/identity")
    private, public = derive_key_pair(vault["hpkeSeed"])
    write("keys.json", {
        "accountRoot": root,
        "account": {"identitySeed": identity, "vaultWrapKey": derive(root, "jaycloud/1/account/vault-wrap")},
        "identityPublicKey": public_ed25519(identity),
        "exportKey": export,
        "passwordWrapKey": derive(export, "jaycloud/1/account/password-wrap"),
        "recoveryKey": recovery,
        "recovery": {"wrapKey": derive(recovery, "jaycloud/1/account/recovery-wrap"),
                     "signingSeed": derive(recovery, "jaycloud/1/account/recovery-signing")},
        "vaultSecret": VAULT_SECRET,
        "vault": vault,
        "vaultPrivateKey": private,
        "vaultPublicKey": public,
        "tokenSecret": TOKEN_SECRET,
        "token": {field: derive(TOKEN_SECRET, "jaycloud/1/token/" + label) for field, label in (
            ("bearerSecret", "bearer"), ("signingSeed", "signing"), ("bundleKey", "bundle"), ("cacheKey", "cache"))},
        "tokenId": TOKEN_ID,
        "tokenDomain": token_domain(),
    })
    write("recovery-key.json", [{"key": key, "text": recovery_text(key)}
                                for key in (bytes(32), bytes([255]) * 32, recovery, stream(b"recovery", 32))])


def envelope_vectors():
    cases = []
    for purpose, aad, plaintext in (("root/password", b"account 42", bytes([9]) * 32), ("snapshot", b"", b"")):
        kek, salt = bytes([1]) * 32, bytes([3]) * 32
        cases.append({"kek": kek, "salt": salt, "purpose": purpose, "aad": aad, "plaintext": plaintext,
                      "envelope": envelope(kek, salt, purpose, aad, plaintext)})
    write("envelope.json", cases)


def log_vectors():
    """One entry of each kind, in one chain. The identity certifies a session and a token, and agrees to be replaced."""
    vault_id, identity, session, token, heir = bytes([7]) * 16, *(bytes([seed]) * 32 for seed in (4, 5, 6, 8))
    entries, previous = [], bytes(32)

    def add(seed, body, change):
        nonlocal previous
        seq = len(entries) + 1
        entry = cbor([1, vault_id, seq, previous, public_ed25519(seed), 1_700_000_000_000 + seq, sha256(body), change])
        signature = Ed25519PrivateKey.from_private_bytes(seed).sign(b"jaycloud/1/log-entry\0" + entry)
        previous = sha256(b"jaycloud/1/log-hash\0" + entry + signature)
        entries.append({"entry": entry, "signature": signature, "hash": previous, "signerSeed": seed})

    inside, outside = descend(b"", NAME_KEY, "ci/build-7")[0], descend(b"", NAME_KEY, "laptop")[0]
    prefixes = [name_tag(descend(b"", NAME_KEY, prefix)[0]) for prefix in ("ci", "ci/")]
    add(identity, b"label", ["certify", "session", bytes([1]) * 16, public_ed25519(session),
                             ["push", "list", "pull", "forget"], [], 0, 0, False])
    add(identity, b"label", ["certify", "token", TOKEN_ID, public_ed25519(token), ["push"], prefixes,
                             1_800_000_000_000, 10 << 30, True])
    add(session, b"body", ["push", outside, sha256(b"root")])
    add(token, b"body", ["push", inside, sha256(b"root")])
    add(session, b"", ["delete", 3])
    add(identity, b"", ["revoke", [2]])
    new_vault_key = bytes([0x61]) * 32
    agreed = vault_id + previous + public_ed25519(identity) + public_ed25519(heir) + new_vault_key
    consent = Ed25519PrivateKey.from_private_bytes(heir).sign(b"jaycloud/1/log-rotate\0" + agreed)
    add(identity, b"", ["rotate", public_ed25519(heir), new_vault_key, consent])
    write("log-entry.json", {"identityPublicKey": public_ed25519(identity), "heirPublicKey": public_ed25519(heir),
                             "entries": entries})


def manifest_vectors():
    """A manifest of five entries: one leaf. Children and owners stand in the order of their first use."""
    refs = [(sha256(b"chunk %d" % i), bytes([0x40 + i]) * 32, length) for i, length in enumerate((5, 70_000))]
    rows = [
        [b"", 0, 0o755, 0, 1_700_000_000, 0, 0, False, None, [], []],
        [b"a-link", 2, 0o777, 0, -1, 999_999_999, 0, False, b"../elsewhere", [], []],
        [b"docs", 0, 0o755, 1, 1_700_000_001, 5, 0, False, None, [], []],
        [b"docs/one", 1, 0o4644, 0, 1_700_000_002, 6, 70_010, True, None,
         [0, refs[0][1], 5, 1, refs[1][1], 70_000, 0, refs[0][1], 5], []],
        [b"docs/two", 1, 0o4644, 0, 1_700_000_002, 6, 70_010, True, b"docs/one",
         [0, refs[0][1], 5, 1, refs[1][1], 70_000, 0, refs[0][1], 5], []],
    ]
    raw = cbor([1, [[1000, 1000, "ann", "users"], [0, 0, "root", ""]], rows])
    children = [ref[0] for ref in refs]
    write("manifest.json", {"salt": VAULT_SALT, "raw": raw, "children": children, **seal(VAULT_SALT, 1, raw, children)})


def snapshot_vectors():
    seed = hkdf(VAULT_SECRET, b"", b"jaycloud/1/vault/hpke", 32)
    vault_id, tag, record_key = bytes([7]) * 16, bytes([8]) * 32, bytes([6]) * 32
    raw = cbor([1, sha256(b"root"), bytes([0x50]) * 32, "laptop/home", 1_700_000_000_000, "laptop", ["weekly"],
                [3, 2, 1, 70_010], [b"/home/ann"], False])
    info = b"jaycloud/1/snapshot-key\0" + vault_id + tag
    enc, sealed = hpke_seal(derive_key_pair(seed)[1], bytes([0x33]) * 32, info, record_key)
    inner = envelope(record_key, bytes([3]) * 32, "snapshot", vault_id + tag, frame(4, raw))
    write("snapshot-record.json", {"hpkeSeed": seed, "vaultId": vault_id, "nameTag": tag, "raw": raw,
                                   "body": b"JCS1" + enc + sealed + inner})


def author_vectors():
    seed = hkdf(VAULT_SECRET, b"", b"jaycloud/1/vault/hpke", 32)
    vault_id, record_key = bytes([7]) * 16, bytes([6]) * 32
    context = vault_id + TOKEN_ID
    enc, sealed = hpke_seal(derive_key_pair(seed)[1], bytes([0x34]) * 32, b"jaycloud/1/author-key\0" + context, record_key)
    inner = envelope(record_key, bytes([3]) * 32, "author", context, frame(5, cbor([1, "nightly", "ci/"])))
    write("author-record.json", {"hpkeSeed": seed, "vaultId": vault_id, "entityId": TOKEN_ID,
                                 "body": b"JCS1" + enc + sealed + inner})


def possession_vectors():
    """docs/protocol.md, "Possession proofs"."""
    nonce, vault_id = stream(b"nonce", 56), bytes([7]) * 16
    cases = []
    for length in (1044, 4096, 4097, 70_000, 4_194_324):
        blob = stream(b"possession", length)
        name = sha256(blob)
        slices = [(0, length)]
        if length > 4096:
            words = struct.unpack(">4Q", hkdf(nonce, name, b"jaycloud/1/possession-offsets", 32))
            slices = [(word % (length - 63), 64) for word in words]
        asked = b"".join(blob[offset:offset + size] for offset, size in slices)
        proof = mac(nonce, b"jaycloud/1/possession\0" + vault_id + name + asked)[:16]
        cases.append({"blobLength": length, "id": name, "slices": slices, "proof": proof})
    write("possession.json", {"seed": b"possession", "nonce": nonce, "vaultId": vault_id, "cases": cases})


def recovery_vectors():
    """A whole keyring, and what a recovery key signs: docs/format.md, sections 9 to 11, docs/protocol.md, "Recovery"."""
    root, recovery, export = bytes([1]) * 32, bytes([2]) * 32, bytes([3]) * 64
    account_id, vault_id, salt, challenge = bytes([5]) * 16, bytes([7]) * 16, bytes([3]) * 32, bytes([9]) * 32
    derive = lambda secret, label: hkdf(secret, b"", label.encode(), 32)
    daemon_key, record, stretching = "daemonPublicKey", "registrationRecord", (65_536, 3, 4)
    parameters = struct.pack(">3I", *stretching)
    wrapped = root + sha256(daemon_key.encode()) + parameters
    signing = derive(recovery, "jaycloud/1/account/recovery-signing")
    password_envelope = envelope(derive(export, "jaycloud/1/account/password-wrap"), salt, "root/password", account_id, wrapped)
    sign = lambda message: Ed25519PrivateKey.from_private_bytes(signing).sign(message)
    write("recovery.json", {
        "account": "ann",
        "accountId": account_id,
        "accountRoot": root,
        "recoveryKey": recovery,
        "exportKey": export,
        "vaultSecret": VAULT_SECRET,
        "daemonKey": daemon_key,
        "keyStretching": stretching,
        "keys": {
            "identityPublicKey": public_ed25519(derive(root, "jaycloud/1/account/identity")),
            "recoveryPublicKey": public_ed25519(signing),
            "passwordEnvelope": password_envelope,
            "recoveryEnvelope": envelope(derive(recovery, "jaycloud/1/account/recovery-wrap"), salt, "root/recovery",
                                         account_id, wrapped),
            "vaultId": vault_id,
            "vaultPublicKey": derive_key_pair(derive(VAULT_SECRET, "jaycloud/1/vault/hpke"))[1],
            "vaultEnvelope": envelope(derive(root, "jaycloud/1/account/vault-wrap"), salt, "vault", account_id + vault_id,
                                      VAULT_SECRET),
        },
        "challenge": challenge,
        "registrationRecord": record,
        "openSignature": sign(b"jaycloud/1/recovery-open\0" + challenge + b"ann"),
        "finishSignature": sign(b"jaycloud/1/recovery-finish\0" + challenge + sha256(record.encode())
                                + sha256(password_envelope) + parameters),
    })


for job in (seal_vectors, frame_vectors, padme_vectors, chunker_vectors, key_vectors, name_vectors, token_vectors,
            envelope_vectors, log_vectors, author_vectors, manifest_vectors, snapshot_vectors, possession_vectors,
            recovery_vectors):
    job()
