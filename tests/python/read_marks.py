"""Reads marks with the programs and libraries that they are made for.

usage: read_marks.py FOLDER RATE

FOLDER has files called marks.EXTENSION, RATE is the frame rate of the video formats. Writes, as JSON, for each format a list of [start, end, label] in
seconds; timecodes are as in the file. MIDI has no ends; they are null.
"""

import json
import sys
from fractions import Fraction
from pathlib import Path
from xml.etree import ElementTree

import mido
import opentimelineio as otio
import pandas
import parselmouth
import pympi
import srt
import webvtt
from pyannote.database.util import load_rttm


def textgrid(path: Path) -> list:
    grid = parselmouth.read(str(path))
    ask = lambda *arguments: parselmouth.praat.call(grid, *arguments)
    tiers = [ask("Get tier name", tier + 1) for tier in range(int(ask("Get number of tiers")))]
    emotions, probabilities = tiers.index("emotion") + 1, tiers.index("probability") + 1
    assert ask("Get number of intervals", emotions) == ask("Get number of intervals", probabilities)
    marks = []
    for interval in range(1, int(ask("Get number of intervals", emotions)) + 1):
        label = ask("Get label of interval", emotions, interval)
        assert bool(label) == bool(ask("Get label of interval", probabilities, interval))
        if label:
            start = ask("Get start time of interval", emotions, interval)
            marks.append([start, ask("Get end time of interval", emotions, interval), label])
    return marks


def elan(path: Path) -> list:
    document = pympi.Elan.Eaf(str(path))
    assert set(document.get_tier_names()) == {"emotion", "probability"}
    return sorted([start / 1e3, end / 1e3, value] for start, end, value, *_ in document.get_annotation_data_for_tier("emotion"))


def rttm(path: Path) -> list:
    [annotation] = load_rttm(str(path)).values()
    return [[segment.start, segment.end, label] for segment, _, label in annotation.itertracks(yield_label=True)]


def midi(path: Path) -> list:
    file = mido.MidiFile(str(path))
    now, marks = 0.0, []
    for message in file:
        now += message.time
        if message.type == "marker":
            marks.append([now, None, message.text])
    return marks


def seconds(time_range: otio.opentime.TimeRange) -> list:
    return [time_range.start_time.to_seconds(), time_range.end_time_exclusive().to_seconds()]


def edl(path: Path, rate: float) -> list:
    # The library accepts NTSC rates only as exact fractions.
    timeline = otio.adapters.read_from_file(str(path), "cmx_3600", rate=rate, ignore_timecode_mismatch=True)
    return [[*seconds(mark.marked_range), mark.name] for clip in timeline.find_clips() for mark in clip.markers]


def fcpxml(path: Path) -> list:
    [project] = otio.adapters.read_from_file(str(path), "fcpx_xml")
    assert project.name
    # The library does not read markers of a clip without media, so these are parsed directly as fractions of seconds.
    fraction = lambda text: float(Fraction(text.removesuffix("s")))
    marks = ElementTree.parse(path).getroot().iter("marker")
    return [[start := fraction(mark.get("start")), start + fraction(mark.get("duration")), mark.get("value")] for mark in marks]


def premiere(path: Path) -> list:
    timeline = otio.adapters.read_from_file(str(path), "fcp_xml")
    return [[*seconds(mark.marked_range), mark.name] for mark in timeline.tracks.markers]


def clock(text: pandas.Series) -> pandas.Series:
    return pandas.to_timedelta("0:" + text).dt.total_seconds()


def reaper(path: Path) -> list:
    table = pandas.read_csv(path)
    assert all(table["#"] == [f"R{index + 1}" for index in range(len(table))])
    return list(zip(clock(table["Start"]), clock(table["Start"]) + clock(table["Length"]), table["Name"]))


def audition(path: Path) -> list:
    table = pandas.read_csv(path, sep="\t")
    return list(zip(clock(table["Start"]), clock(table["Start"]) + clock(table["Duration"]), table["Name"]))


def audacity(path: Path) -> list:
    return pandas.read_csv(path, sep="\t", header=None).values.tolist()


def subrip(path: Path) -> list:
    return [[cue.start.total_seconds(), cue.end.total_seconds(), cue.content] for cue in srt.parse(path.read_text("utf-8"))]


def web(path: Path) -> list:
    time = lambda text: pandas.to_timedelta(text).total_seconds()
    return [[time(cue.start), time(cue.end), cue.text] for cue in webvtt.read(str(path))]


def spreadsheet(path: Path) -> list:
    """As opened by a spreadsheet with decimal commas: every block, with an empty label for those without speech."""
    table = pandas.read_csv(path, sep=";", decimal=",", encoding="utf-8-sig")
    probabilities = table[["angry", "happy", "sad", "neutral"]]
    assert probabilities.dtypes.eq("float64").all()
    speech = table["state"] == "speech"
    assert (probabilities[speech].idxmax(axis=1) == table["emotion"][speech]).all()
    return table[speech][["start_s", "end_s", "emotion"]].values.tolist()


def main(folder: Path, rate: float) -> None:
    at = lambda ending: folder / f"marks.{ending}"
    json.dump(
        {
            "audacity": audacity(at("txt")),
            "audition": audition(at("audition.csv")),
            "csv": spreadsheet(at("csv")),
            "edl": edl(at("edl"), rate),
            "elan": elan(at("eaf")),
            "fcpxml": fcpxml(at("fcpxml")),
            "midi": midi(at("mid")),
            "premiere": premiere(at("xml")),
            "reaper": reaper(at("reaper.csv")),
            "rttm": rttm(at("rttm")),
            "srt": subrip(at("srt")),
            "textgrid": textgrid(at("TextGrid")),
            "vtt": web(at("vtt")),
        },
        sys.stdout,
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]))
