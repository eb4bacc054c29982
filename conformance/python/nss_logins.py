"""Writes logins into a Mozilla profile, as its password manager keeps them: encrypted by its own library.

    nss_logins.py PROFILE LIBRARIES <logins.json    [{"origin": ..., "realm": ..., "user": ..., "password": ...}]

LIBRARIES is the program's folder; it has to stand in LD_LIBRARY_PATH before this starts.
"""

import base64
import ctypes
import json
import sys
import time
import uuid
from pathlib import Path


class Item(ctypes.Structure):
    _fields_ = [("kind", ctypes.c_uint), ("data", ctypes.c_char_p), ("length", ctypes.c_uint)]


class Answer(ctypes.Structure):
    _fields_ = [("kind", ctypes.c_uint), ("data", ctypes.c_void_p), ("length", ctypes.c_uint)]


def opened(profile, libraries):
    nss = ctypes.CDLL(str(Path(libraries) / "libnss3.so"))
    nss.PK11_GetInternalKeySlot.restype = ctypes.c_void_p
    nss.PK11_InitPin.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_char_p]
    nss.PK11_NeedUserInit.argtypes = [ctypes.c_void_p]
    nss.PK11SDR_Encrypt.argtypes = [ctypes.c_void_p] * 4
    if nss.NSS_InitReadWrite(f"sql:{profile}".encode()) != 0:
        raise SystemExit("nss_logins.py: the key store cannot be made")
    slot = nss.PK11_GetInternalKeySlot()
    if nss.PK11_NeedUserInit(slot) and nss.PK11_InitPin(slot, None, b"") != 0:
        raise SystemExit("nss_logins.py: the key store takes no empty password")
    return nss


def encrypted(nss, text):
    octets = text.encode()
    key, plain, answer = Item(0, None, 0), Item(0, octets, len(octets)), Answer(0, None, 0)
    if nss.PK11SDR_Encrypt(ctypes.byref(key), ctypes.byref(plain), ctypes.byref(answer), None) != 0:
        raise SystemExit("nss_logins.py: the library does not encrypt")
    return base64.b64encode(ctypes.string_at(answer.data, answer.length)).decode()


def main(profile, libraries):
    nss = opened(profile, libraries)
    now = int(time.time() * 1000)
    logins = [
        {
            "id": number,
            "hostname": login["origin"],
            "httpRealm": login["realm"],
            "formSubmitURL": None,
            "usernameField": "",
            "passwordField": "",
            "encryptedUsername": encrypted(nss, login["user"]),
            "encryptedPassword": encrypted(nss, login["password"]),
            "guid": "{%s}" % uuid.uuid4(),
            "encType": 1,
            "timeCreated": now,
            "timeLastUsed": now,
            "timePasswordChanged": now,
            "timesUsed": 1,
        }
        for number, login in enumerate(json.load(sys.stdin), start=1)
    ]
    sheet = {"nextId": len(logins) + 1, "logins": logins, "version": 3}
    (Path(profile) / "logins.json").write_text(json.dumps(sheet), encoding="utf-8")
    nss.NSS_Shutdown()


if __name__ == "__main__":
    main(*sys.argv[1:])
