"""The state of a VST3 plugin as returned by pedalboard, taken apart and reassembled.

pedalboard is built on JUCE, which keeps the bytes of a VST3 component in XML, in its own encoding.

Source: JUCE 7, `AudioProcessor::copyXmlToBinary`, `MemoryBlock::toBase64Encoding`.
"""

import json
import re
import struct

MAGIC = b"VC2!"
ALPHABET = ".ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+"
COMPONENT = re.compile(r"(<IComponent>)(\d+)\.([^<]*)(</IComponent>)")


def component(raw):
    """The component's own bytes."""
    return _decode(*COMPONENT.search(_xml(raw)).group(2, 3))


def with_component(raw, data):
    """The same state with other bytes for the component, also in the copy that JUCE keeps for the controller."""
    xml = COMPONENT.sub(lambda match: match.group(1) + _encode(data) + match.group(4), _xml(raw)).encode()
    return MAGIC + struct.pack("<I", len(xml)) + xml + b"\0"


def fields(raw):
    """Moodline's saved state: JSON, after the framework's own prefix."""
    data = component(raw)
    return json.loads(data[data.index(b"{") :])


def _xml(raw):
    assert raw[:4] == MAGIC, raw[:16]
    (length,) = struct.unpack("<I", raw[4:8])
    return raw[8 : 8 + length].decode()


def _decode(size, text):
    bits = sum(ALPHABET.index(character) << (6 * index) for index, character in enumerate(text))
    return bits.to_bytes(len(text) * 6 // 8 + 1, "little")[: int(size)]


def _encode(data):
    bits = int.from_bytes(data, "little")
    n_characters = (8 * len(data) + 5) // 6
    return f"{len(data)}." + "".join(ALPHABET[bits >> (6 * index) & 63] for index in range(n_characters))
