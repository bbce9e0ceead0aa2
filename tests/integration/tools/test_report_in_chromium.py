"""The report page in a real browser: lanes, keyboard, playback, phone, and nothing it complains of.

The events are the sample meeting's own shape; the audio is the sample meeting.
"""

import math
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

import producer_tools
from producer_tools.report.command import write
from producer_tools.report.events import Events
from producer_tools.rttm import Turn
from schemas.records import ChunkResult, Fingerprint, Models, Segment, Source, Thresholds
from tests.brokers.parts import RealParts

pytestmark = pytest.mark.parts

AUDIO = Path(producer_tools.__file__).parent / "sample" / "meeting.ogg"
RECORDING = "meeting <b>&"
LETTER = {
    "recording_id": "<i>other</i>",
    "source": "in[0]@2",
    "reason": "truncated_audio",
    "message": "FLAC: 7 frames",
    "attempts": "1",
    "written": "2026-01-01T12:13:14+00:00",
}
# B talks in chunk 0 only: his segments in chunks 1 and 3 are wrong.
REFERENCE = [Turn(RECORDING, 30.0 * n + 1, 8, "a") for n in range(4)] + [
    Turn(RECORDING, 8.0, 4.0, "b")
]
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1200,900",
)


def chunk(number: int, failed: bool = False) -> ChunkResult:
    """A talks from 1 to 9 s, B (uncertain) from 8 to 12 s; labels swap from chunk to chunk."""
    a, b = ("Speaker_0", "Speaker_1") if number % 2 == 0 else ("Speaker_1", "Speaker_0")
    segments = [(a, 1.0, 9.0, 0.95), (b, 8.0, 12.0, 0.5)]
    voices = [(a, (0.8, 0.6)), (b, (-0.6, 0.8))]
    return ChunkResult(
        event_id=f"e{number}",
        result_id=f"r{number}",
        recording_id=RECORDING,
        chunk_id=f"c{number}",
        sequence=number,
        start_s=30.0 * number,
        last=number == 3,
        status="failed" if failed else "diarized",
        reason="truncated_audio" if failed else None,
        attempts=1,
        duration_s=None if failed else 30.0,
        segments=()
        if failed
        else tuple(
            Segment(speaker=s, start_s=t, end_s=u, confidence=c, overlap_ratio=0.1)
            for s, t, u, c in segments
        ),
        fingerprints=()
        if failed
        else tuple(
            Fingerprint(speaker=s, embedding=e, speech_s=5, clean=True, norm=1) for s, e in voices
        ),
        models=Models(diarization="d", embedding="e"),
        thresholds=Thresholds(same_voice_cosine=0.5, uncertain_confidence=0.8),
        source=Source(topic="in", partition=0, offset=number),
        processed_at=datetime(2026, 1, 1, tzinfo=UTC),
    )


@pytest.fixture(scope="module")
def chromium(
    real_parts: RealParts, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[webdriver.Chrome]:
    browser, driver = shutil.which("chromium"), shutil.which("chromedriver")
    problem = None if browser and driver else "install Debian's chromium and chromium-driver"
    real_parts.need("Chromium", problem)
    assert browser is not None
    options = Options()
    options.binary_location = browser
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    running = webdriver.Chrome(options=options, service=Service(driver))
    try:
        yield running
    finally:
        running.quit()


@pytest.fixture(params=["embedded", "linked"])
def page(
    request: pytest.FixtureRequest, chromium: webdriver.Chrome, tmp_path: Path
) -> Iterator[webdriver.Chrome]:
    """The page of four chunks, the third failed; afterwards the browser must be content."""
    results = [chunk(number, failed=number == 2) for number in range(4)]
    path = tmp_path / "report.html"
    write(
        Events(results, [LETTER]),
        path,
        {RECORDING: AUDIO},
        link_audio=request.param == "linked",
        references={RECORDING: REFERENCE},
    )
    chromium.get(path.as_uri())
    yield chromium
    assert chromium.get_log("browser") == []  # type: ignore[no-untyped-call]


def text(page: webdriver.Chrome, selector: str) -> list[str]:
    return [found.text for found in page.find_elements(By.CSS_SELECTOR, selector)]


def now(page: webdriver.Chrome) -> float:
    return float(page.execute_script("return document.querySelector('audio').currentTime"))


def test_lanes_are_the_events(page: webdriver.Chrome) -> None:
    assert text(page, "h2") == [RECORDING, "Dead letters"]
    assert text(page, ".lane .name") == ["Voice_0", "Voice_1"]
    drawn: list[list[Any]] = page.execute_script(
        """return [...document.querySelectorAll('.segment')].map(node => {
             const track = node.parentNode.getBoundingClientRect();
             const box = node.getBoundingClientRect();
             return [node.closest('.lane').dataset.lane, (box.left - track.left) / track.width,
                     box.width / track.width, node.classList.contains('uncertain'),
                     +getComputedStyle(node.querySelector('.fill')).opacity]; })"""
    )
    length = 120.0
    expected = [
        (lane, (start + 30 * number) / length, seconds / length, uncertain)
        for lane, start, seconds, uncertain in (("Voice_0", 1, 8, False), ("Voice_1", 8, 4, True))
        for number in (0, 1, 3)
    ]
    assert len(drawn) == len(expected)
    for found, wanted in zip(drawn, expected, strict=True):
        assert (found[0], found[3]) == (wanted[0], wanted[3])
        assert math.isclose(found[1], wanted[1], abs_tol=0.002)
        assert math.isclose(found[2], wanted[2], abs_tol=0.002)
    assert min(f[4] for f in drawn[:3]) > max(f[4] for f in drawn[3:])
    assert text(page, ".segment .mark") == ["?"] * 3
    assert len(page.find_elements(By.CSS_SELECTOR, ".overlap")) == 3
    assert any("truncated_audio" in row for row in text(page, "table.words tbody tr"))


def test_dead_letters_and_calibration_are_shown(page: webdriver.Chrome) -> None:
    assert text(page, "section[aria-label='Dead letters'] td") == [
        *(LETTER[name] for name in ("recording_id", "source", "reason", "message", "attempts")),
        "2026-01-01 12:13:14",
    ]
    rows = text(page, "[aria-label='Calibration'] tbody tr")
    assert rows == ["0.50 0.33 3", "0.95 1.00 3"]
    dots: list[list[float]] = page.execute_script(
        """const frame = document.querySelector('.reliability .frame').getBoundingClientRect();
           return [...document.querySelectorAll('.reliability .bin')].map(node => {
             const box = node.getBoundingClientRect();
             return [((box.left + box.right) / 2 - frame.left) / frame.width,
                     (frame.bottom - (box.top + box.bottom) / 2) / frame.height]; })"""
    )
    assert dots == [
        pytest.approx([0.5, 0.333], abs=0.01),
        pytest.approx([0.95, 1.0], abs=0.01),
    ]


def test_the_keyboard_reaches_every_segment(page: webdriver.Chrome) -> None:
    for _ in range(30):
        page.switch_to.active_element.send_keys(Keys.TAB)
        if "segment" in (page.switch_to.active_element.get_attribute("class") or ""):
            break
    seen = []
    for _ in range(6):
        seen.append(text(page, ".details")[0])
        page.switch_to.active_element.send_keys(Keys.ARROW_RIGHT)
    assert [line.split(" · ")[0] for line in seen] == ["Voice_0", "Voice_1?"] * 3
    assert seen[1].split(" · ")[1:3] == ["00:08.0 to 00:12.0", "confidence 0.50"]
    page.switch_to.active_element.send_keys(Keys.ARROW_UP)
    assert text(page, ".details")[0].startswith("Voice_0 · 01:31.0")


def test_playback_follows_the_lanes(page: webdriver.Chrome) -> None:
    wait = WebDriverWait(page, 10)
    wait.until(
        lambda page: page.execute_script("return document.querySelector('audio').readyState") >= 1
    )
    page.find_elements(By.CSS_SELECTOR, ".lane .segment")[4].click()  # B in chunk 1: from 38 s
    wait.until(lambda page: 38.0 < now(page) < 42.0)
    page.execute_script("document.querySelector('audio').pause()")
    page.execute_script("document.querySelector('audio').currentTime = 38.5")
    wait.until(lambda page: text(page, ".lane.speaking .name") == ["Voice_0", "Voice_1"])
    page.execute_script("document.querySelector('audio').currentTime = 60")
    wait.until(lambda page: text(page, ".lane.speaking .name") == [])
    head = page.execute_script("return document.querySelector('.playhead').style.left")
    assert head == "50%"


def test_similarity_is_read_out(page: webdriver.Chrome) -> None:
    canvas = page.find_element(By.TAG_NAME, "canvas")
    canvas.send_keys(Keys.ARROW_DOWN)
    assert "cosine 1.00" in text(page, ".details")[1]
    canvas.send_keys(Keys.ARROW_DOWN, Keys.ARROW_DOWN)
    assert "Voice_1 in chunk 0 (Speaker_1" in text(page, ".details")[1]
    assert "cosine 0.00" in text(page, ".details")[1]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_scrolls_the_lanes_not_the_page(page: webdriver.Chrome, scheme: str) -> None:
    page.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": 390, "height": 800, "deviceScaleFactor": 2, "mobile": True},
    )
    media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
    try:
        page.refresh()
        (whole, shown), (lanes, frame) = page.execute_script(
            """return [document.documentElement, document.querySelector('.scroll')]
                 .map(node => [node.scrollWidth, node.clientWidth])"""
        )
        assert whole <= shown == 390
        assert lanes > frame
        paper = page.execute_script("return getComputedStyle(document.body).backgroundColor")
        assert paper == {"light": "rgb(255, 255, 255)", "dark": "rgb(15, 18, 22)"}[scheme]
    finally:
        page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
