"""Moodline's VST3 in pedalboard, a host by Spotify built on JUCE; prints its results as one line of JSON.

usage: python pedalboard_host.py BUNDLE audio
       python pedalboard_host.py BUNDLE state
       python pedalboard_host.py BUNDLE speech SAMPLES RATE CHANNELS
"""

import json
import sys
import time

import juce_state
import numpy as np
import pedalboard

RATES = (8000, 11025, 16000, 22050, 44100, 48000, 88200, 96000, 192000, 384000)
BLOCKS = (1, 17, 64, 441, 512, 1024, 4096, 8192)

# The value of `SETTLE` in plugin/src/session.rs: a save does not wait longer for the analysis.
SETTLE_S = 3

# Time limit for repeated saving.
PATIENCE_S = 1200


def signal(generator, n_channels, n_frames):
    """Noise with everything a float can be: full scale and beyond, denormals, both zeros, infinities, NaN with a payload."""
    audio = (generator.standard_normal((n_channels, n_frames)) * 0.2).astype(np.float32)
    odd = np.array([0, 0x80000000, 1, 0x807FFFFF, 0x7F800000, 0xFF800000, 0x7FC00123, 0x7F7FFFFF, 0x3F800001], np.uint32)
    audio[:, 100 : 100 + len(odd)] = odd.view(np.float32)
    return audio


def audio(plugin):
    """Plays noise through the plugin at every rate and block size and compares the bits."""
    generator = np.random.default_rng(1)
    n_runs, changed = 0, []
    for rate in RATES:
        for n_channels in (1, 2):
            for block in BLOCKS:
                # Not a multiple of any block size, so that the last block is shorter.
                given = signal(generator, n_channels, 1511 if block == 1 else 20011)
                taken = plugin.process(given, rate, buffer_size=block, reset=True)
                n_runs += 1
                if taken.shape != given.shape or not np.array_equal(taken.view(np.uint32), given.view(np.uint32)):
                    changed.append([rate, n_channels, block])
    # A host may change its block size while it plays.
    given = signal(generator, 2, 40000)
    taken = []
    for start, block in zip((0, 5000, 5001, 21000), (8192, 1, 333, 4096)):
        stop = {0: 5000, 5000: 5001, 5001: 21000, 21000: 40000}[start]
        taken.append(plugin.process(given[:, start:stop], 48000, buffer_size=block, reset=False))
    if not np.array_equal(np.concatenate(taken, axis=1).view(np.uint32), given.view(np.uint32)):
        changed.append([48000, 2, "changing"])
    return {
        "expected_runs": len(RATES) * 2 * len(BLOCKS),
        "runs": n_runs,
        "changed": changed,
        "latency": plugin.reported_latency_samples,
    }


def values(plugin):
    """All parameters as seen by the host, 0 to 1."""
    return {name: round(parameter.raw_value, 5) for name, parameter in plugin.parameters.items()}


def state(plugin, load):
    """Saves, restores into a second instance, and tries to load garbage into it."""
    silence = np.zeros((2, 512), np.float32)
    before = values(plugin)
    # Every parameter is moved away from its default.
    for parameter in plugin.parameters.values():
        parameter.raw_value = 0.0 if parameter.raw_value > 0.5 else 1.0
    plugin.process(silence, 48000)
    moved = values(plugin)
    saved = plugin.raw_state

    other = load()
    fresh = values(other)
    other.raw_state = saved
    other.process(silence, 48000)
    restored = values(other)

    good = juce_state.component(saved)
    damaged = [b"", b"nonsense", good[:-20]]
    # Each of these also contains a valid change that would show if only part was loaded.
    for old, new in ((b'"f32":10.0', b'"f32":99.0'), (b'"side"', b'"above"'), (b'"timeline":"', b'"timeline":"x')):
        assert old in good, old
        damaged.append(good.replace(old, new).replace(b'"bool":true', b'"bool":false'))
    after_garbage = []
    for data in damaged:
        try:
            other.raw_state = juce_state.with_component(saved, data)
        except RuntimeError:
            # A host may report that the plugin refused.
            pass
        other.process(silence, 48000)
        after_garbage.append(values(other))
    return {
        "names": list(before),
        "before": before,
        "moved": moved,
        "fresh": fresh,
        "restored": restored,
        "after_garbage": after_garbage,
        "fields": juce_state.fields(saved),
    }


def speech(plugin, path, rate, n_channels):
    """Analyses a recording on the stream's own clock, and returns the plugin's saved state."""
    samples = np.fromfile(path, "<f4").reshape(-1, n_channels).T
    plugin.follow_transport = False
    plugin.backend = "Native"
    given = np.ascontiguousarray(samples)
    taken = plugin.process(given, rate, buffer_size=512, reset=True)
    # Deactivates the plugin, which ends the run.
    plugin.reset()
    return {"changed": not np.array_equal(taken, given), "fields": juce_state.fields(settled_state(plugin))}


def settled_state(plugin):
    """The plugin's saved state once the analysis is complete: a save that gave up waiting took the whole of SETTLE_S."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        started = time.monotonic()
        state = plugin.raw_state
        if time.monotonic() - started < SETTLE_S:
            return state
    raise TimeoutError(f"the analysis still lags behind after {PATIENCE_S} s")


def main():
    bundle, task, *rest = sys.argv[1:]

    def load():
        return pedalboard.load_plugin(bundle)

    if task == "audio":
        found = audio(load())
    elif task == "state":
        found = state(load(), load)
    else:
        found = speech(load(), rest[0], int(rest[1]), int(rest[2]))
    print(json.dumps(found))


if __name__ == "__main__":
    main()
