"""The report of a replay in a real browser: what it draws, tells and does, and that it is alone."""

from __future__ import annotations

import dataclasses
import math
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from convlstm_perception.replay.recording import RecordedCamera
from convlstm_perception.replay.report import ReplayReport
from convlstm_perception.types import AnswerStatus, GroundTracks, PerceptionResult
from convlstm_perception.visualization.colours import calm_track_colour, track_colour
from convlstm_perception.visualization.overlay import OverlayRenderer
from tests.support.browser import Page, open_browser
from tests.support.ground_scene import GroundScene, Walker

FRAMES = 12
RATE = 10.0
WALKERS = [
    Walker((5.0, 0.5), (-1.2, 0.0)),  # 1 comes near in 4.2 s, half a metre beside us
    Walker((4.0, -2.0), (0.0, 1.3)),  # 2 crosses in front
    Walker((9.0, 3.0), (0.4, 0.3)),  # 3 walks away
]
CORNER = "((r) => [r.left, r.top])(element('plane').getBoundingClientRect())"
Change = Callable[[int, PerceptionResult], PerceptionResult]


def camera(name: str = "") -> RecordedCamera:
    topic = f"/{name}/image_raw" if name else "/image"
    return RecordedCamera(name, topic, f"/node/{name}", None, frozenset(), RATE)


def write_report(
    folder: Path,
    *cameras: RecordedCamera,
    change: Change = lambda index, answer: answer,
    bag: str = "bag",
) -> Path:
    """A report of the scene, as a replay makes it."""
    folder.mkdir(parents=True, exist_ok=True)
    scene = GroundScene(WALKERS, rate=RATE)
    cameras = cameras or (camera(),)
    renderers = {one.topic: OverlayRenderer() for one in cameras}
    with ReplayReport(folder) as report:
        for index in range(FRAMES):
            answer = change(index, scene.answer(index))
            for one in cameras:
                drawn = renderers[one.topic].draw(scene.image(index), answer)
                report.add(one, drawn, answer)
    figures = {"images": FRAMES, "answered": FRAMES, "unusable": 0, "passed_over": 0}
    figures |= {"identical": 0, "different": 0, "frames_a_second": 21.5}
    figures |= {"refused": {"<b>broken</b>": 3}, "other_models": []}
    entries = [figures | {"topic": one.topic} for one in cameras]
    return report.write({"bag": bag, "model": "tiny-1", "engine": "test", "cameras": entries})


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report(tmp_path_factory.mktemp("report"))


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Page]:
    with open_browser(tmp_path / "profile") as opened:
        yield opened
        assert opened.complaints == []


def show(page: Page, path: Path) -> None:
    page.open(path)
    page.wait_for("report.player.alone || element('video').readyState >= 2")


def digest(page: Page) -> str:
    return page.evaluate("element('plane').toDataURL()")


def place(page: Page, x: float, y: float) -> tuple[int, int]:
    """Where a point of the ground is on the canvas: x goes up and y to the left."""
    scale, centre_x, centre_y, width, height = page.evaluate(
        "((p) => [p.scale, ...p.centre, p.width, p.height])(report.view.plane)"
    )
    return round(width / 2 - (y - centre_y) * scale), round(height / 2 - (x - centre_x) * scale)


def colour_at(page: Page, right: float, down: float) -> tuple[int, ...]:
    """Blue, green, red at a place of the canvas, as it is on the screen."""
    left, top = page.evaluate(CORNER)
    return tuple(page.screenshot()[round(top + down), round(left + right)].tolist())


def rows(page: Page) -> dict[str, list[str]]:
    """The table: cells by person."""
    lines = page.evaluate(
        "[...element('people').tBodies[0].rows].map((row) => [...row.cells].map("
        "(cell) => cell.textContent))"
    )
    return {line[0]: line[1:] for line in lines}


def frame(page: Page) -> int:
    shown = page.evaluate("element('place').textContent")
    return int(shown.split()[1]) - 1


def test_the_page_is_shown_and_asks_for_nothing_but_its_video(page: Page, report: Path) -> None:
    show(page, report)
    image = page.screenshot(whole=True)
    cv2.imwrite(str(report.with_name("screenshot.png")), image)
    assert image.shape[1] == 1400 and image.std() > 20
    video, above = image[150:400, 60:600], image[150:500, 760:1300]
    assert len(np.unique(video.reshape(-1, 3), axis=0)) > 500, "a picture"
    assert len(np.unique(above.reshape(-1, 3), axis=0)) > 30, "lines and labels"
    assert page.requests == [report.as_uri(), report.with_name("overlay.webm").as_uri()]
    assert page.evaluate("report.player.alone") is False
    assert page.evaluate("element('video').videoWidth") == 320
    assert page.evaluate("document.querySelectorAll('[data-camera] b').length") == 0, "escaped"


def test_people_stand_where_their_metres_say(page: Page, report: Path) -> None:
    show(page, report)
    for index in (0, 7):
        page.evaluate(f"report.player.step({index} - report.player.frame)")
        for number, walker in enumerate(WALKERS, start=1):
            x, y = walker.at(index / RATE)
            # Beside the arrow, which begins in the middle.
            sideways = np.array([-walker.velocity[1], walker.velocity[0]])
            sideways *= 4.0 / page.evaluate("report.view.plane.scale") / np.hypot(*sideways)
            spot = place(page, x + sideways[0], y + sideways[1])
            assert colour_at(page, *spot) == calm_track_colour(number)
    assert colour_at(page, *place(page, -1.5, 0.3)) not in map(calm_track_colour, (1, 2, 3))
    left, ahead = place(page, 0.0, 3.0), place(page, 3.0, 0.0)
    origin = place(page, 0.0, 0.0)
    assert left[0] < origin[0] and ahead[1] < origin[1]


def test_ellipses_hold_ninety_per_cent(page: Page, report: Path) -> None:
    """Of x with a deviation of 0.2 m and y with 0.1 m: 2.146 times that."""
    show(page, report)
    first = page.evaluate("report.camera.frames[0].who[2]")
    now, *later = first["e"]
    assert [row[0] for row in first["e"]] == [0, 2, 4, 6], "now and at 1, 2 and 3 s"
    axes = {round(abs(math.cos(now[3]))): now[1], round(abs(math.sin(now[3]))): now[2]}
    assert axes[1] in (0.43, 0.21)
    along_x = now[1] if abs(math.cos(now[3])) > 0.5 else now[2]
    assert along_x == pytest.approx(2.146 * 0.2, abs=0.006)
    assert max(later[1][1:3]) == pytest.approx(2.146 * math.hypot(0.2, 2 * 0.15), abs=0.006)


def test_the_table_tells_the_numbers(page: Page, report: Path) -> None:
    show(page, report)
    page.evaluate("report.player.step(5)")
    people = rows(page)
    distances = [math.hypot(*walker.at(0.5)) for walker in WALKERS]
    order = np.argsort(distances) + 1
    assert list(people) == [str(number) for number in order]
    one = people["1"]
    assert one == [
        "97 %",
        f"{math.hypot(4.4, 0.5):.2f} m",
        "1.20 m/s",
        "+180°",
        "3.7 s",
        "0.50 m",
    ] + ["near soon"]
    assert people["2"][3] == "+90°" and people["3"][4] == "now"
    figures = page.evaluate("document.querySelector('[data-camera]').innerText")
    assert "tiny-1" in figures and "21.5" in figures and "refused: <b>broken</b>" in figures


def test_keys_step_play_and_stop(page: Page, report: Path) -> None:
    show(page, report)
    before = digest(page)
    page.press("ArrowRight")
    assert frame(page) == 1 and digest(page) != before
    page.press("ArrowLeft")
    assert frame(page) == 0 and digest(page) == before
    page.press("ArrowRight", shift=True)
    assert frame(page) == 10
    page.press("ArrowRight", shift=True)
    assert frame(page) == FRAMES - 1, "the last"
    page.press("Home")
    page.wait_for("!element('video').seeking")
    page.press(" ")
    page.wait_for("report.player.frame >= 4")
    page.wait_for(f"report.player.frame === {FRAMES - 1} && !report.player.playing")
    page.press(" ")
    page.wait_for("report.player.playing && report.player.frame < 9")
    page.press(" ")
    page.wait_for("!report.player.playing && element('video').paused")
    page.press("End")
    assert frame(page) == FRAMES - 1


def test_the_video_shows_the_frame_whose_answer_is_drawn(page: Page, report: Path) -> None:
    show(page, report)
    scene, renderer = GroundScene(WALKERS, rate=RATE), OverlayRenderer()
    truth = [renderer.draw(scene.image(i), scene.answer(i)) for i in range(FRAMES)]
    for index in (3, 8, 1):
        page.evaluate(f"report.player.step({index} - report.player.frame)")
        page.wait_for("!element('video').seeking && element('video').readyState >= 2")
        left, top, wide, tall = page.evaluate(
            "((r) => [r.left, r.top, r.width, r.height])(element('video').getBoundingClientRect())"
        )
        shot = page.screenshot()[round(top) : round(top + tall), round(left) : round(left + wide)]
        small = cv2.resize(shot, (320, 180), interpolation=cv2.INTER_AREA).astype(float)
        errors = [float(np.abs(small - image).mean()) for image in truth]
        assert int(np.argmin(errors)) == index


def test_slider_speed_zoom_drag_and_hover(page: Page, report: Path) -> None:
    show(page, report)
    page.evaluate(
        "element('slider').value = 6; element('slider').dispatchEvent(new Event('input'))"
    )
    assert frame(page) == 6
    page.evaluate(
        "element('speed').value = '2'; element('speed').dispatchEvent(new Event('change'))"
    )
    assert page.evaluate("element('video').playbackRate") == 2
    left, top = page.evaluate(CORNER)
    x, y = WALKERS[1].at(0.6)
    right, down = place(page, x, y)
    page.mouse("mouseMoved", left + right, top + down)
    tip = page.evaluate("element('tip').innerText")
    assert "person 2" in tip and f"x {x:.2f} m, y {y:.2f} m" in tip and "speed 1.30 m/s" in tip
    scale = page.evaluate("report.view.plane.scale")
    page.mouse("mouseWheel", left + right, top + down, deltaX=0, deltaY=-300)
    page.wait_for(f"report.view.plane.scale > 1.3 * {scale}")
    assert place(page, x, y) == pytest.approx((right, down), abs=2), "stays under the pointer"
    page.mouse("mousePressed", left + right, top + down, button="left", clickCount=1)
    page.mouse("mouseMoved", left + right + 40, top + down + 30, button="left", buttons=1)
    page.mouse("mouseReleased", left + right + 40, top + down + 30, button="left", clickCount=1)
    assert place(page, x, y) == pytest.approx((right + 40, down + 30), abs=2)
    page.press("0")
    assert page.evaluate("report.view.plane.scale") == pytest.approx(scale)


def test_without_ground_the_page_says_why_and_shows_foot_points(page: Page, tmp_path: Path) -> None:
    def pixels_only(index: int, answer: PerceptionResult) -> PerceptionResult:
        return dataclasses.replace(answer, ground=None)

    show(page, write_report(tmp_path / "report", change=pixels_only))
    assert "no target_frame and no camera_height" in page.evaluate(
        "element('groundTrouble').innerText"
    )
    assert "pixels" in page.evaluate("element('aboveTitle').textContent")
    box = GroundScene(WALKERS, rate=RATE).answer(0).tracks.boxes[1]
    foot = [f"{box[0]:.1f}", f"{box[1] + box[3] / 2:.1f}"]
    assert rows(page)["2"][1:3] == foot
    scale, width, height = page.evaluate("((p) => [p.scale, p.width, p.height])(report.view.plane)")
    right = round(width / 2 + (box[0] - 160) * scale)
    down = round(height / 2 + (box[1] + box[3] / 2 - 90) * scale)
    assert colour_at(page, right, down) == track_colour(2)


def test_states_of_frames_are_marked_and_told(page: Page, tmp_path: Path) -> None:
    def spoiled(index: int, answer: PerceptionResult) -> PerceptionResult:
        if index == 2:
            answer = dataclasses.replace(answer, restarted="the clock went back")
        if index in (4, 5):
            reason = "3 of 8 slots are empty"
            return dataclasses.replace(answer, status=AnswerStatus.DEGRADED, status_reason=reason)
        if index == 8:
            return dataclasses.replace(
                answer,
                status=AnswerStatus.UNUSABLE,
                status_reason="</script> black",
                ground=GroundTracks.unknown(3, 6, "no transform yet"),
            )
        if index == 10:
            assert answer.ground is not None
            reasons = ("", "above the horizon", "")
            ground = dataclasses.replace(answer.ground, reasons=reasons)
            return dataclasses.replace(answer, ground=ground)
        return answer

    show(page, write_report(tmp_path / "report", change=spoiled))
    marks = page.evaluate("[...element('marks').children].map((mark) => mark.className)")
    assert marks.count("degraded") == 1 and marks.count("unusable") == marks.count("restart") == 1
    told = {}
    for index in (2, 4, 8, 10):
        page.evaluate(f"report.player.step({index} - report.player.frame)")
        told[index] = page.evaluate("element('state').textContent")
        if index == 8:
            words = page.evaluate("element('groundTrouble').innerText")
            assert "no transform yet" in words
        if index == 10:
            assert rows(page)["2"][-1] == "above the horizon"
            assert page.evaluate("report.view.people.length") == 2
    assert told == {
        2: "restarted: the clock went back",
        4: "degraded: 3 of 8 slots are empty",
        8: "unusable: </script> black",
        10: "",
    }


def test_where_the_video_is_gone_the_view_from_above_plays_alone(
    tmp_path: Path, report: Path
) -> None:
    alone = tmp_path / "alone"
    alone.mkdir()
    shutil.copy(report, alone)
    with open_browser(tmp_path / "profile") as page:
        page.open(alone / report.name)
        page.wait_for("report.player.alone")
        assert "plays alone" in page.evaluate("element('videoTrouble').innerText")
        page.press(" ")
        page.wait_for(f"report.player.frame === {FRAMES - 1} && !report.player.playing")
        page.press("ArrowLeft")
        assert frame(page) == FRAMES - 2


def test_cameras_are_chosen_by_name(page: Page, tmp_path: Path) -> None:
    show(page, write_report(tmp_path / "report", camera("front"), camera("rear")))
    names = page.evaluate("[...element('camera').options].map((option) => option.text)")
    assert names == ["/front/image_raw", "/rear/image_raw"]
    choose = "element('camera').value = 1; element('camera').dispatchEvent(new Event('change'))"
    page.evaluate(choose)
    page.wait_for("element('video').currentSrc.endsWith('overlay_rear.webm')")
    hidden = page.evaluate(
        "[...document.querySelectorAll('[data-camera]')].map((one) => one.hidden)"
    )
    assert hidden == [True, False]


def test_where_nothing_was_answered_the_page_says_so_and_why(page: Page, tmp_path: Path) -> None:
    refused = {"images": 4, "answered": 0, "unusable": 0, "passed_over": 0, "identical": 0}
    refused |= {"different": 0, "frames_a_second": 0.0, "refused": {"too dark": 4}}
    camera = refused | {"topic": "/image", "other_models": []}
    with ReplayReport(tmp_path) as report:
        pass
    page.open(report.write({"bag": "bag", "model": "m", "engine": "e", "cameras": [camera]}))
    shown = page.evaluate("document.body.innerText")
    assert "No image was answered" in shown and "refused: too dark" in shown
    assert "People in this frame" not in shown


def test_every_control_has_a_name_and_both_schemes_have_their_colours(
    tmp_path: Path, report: Path
) -> None:
    paper = {}
    for dark in (False, True):
        with open_browser(tmp_path / f"profile_{dark}", dark=dark) as page:
            show(page, report)
            paper[dark] = page.screenshot()[500, 800].mean()
            nodes: list[dict[str, Any]] = page.send("Accessibility.getFullAXTree")["nodes"]
    roles = ("button", "slider", "combobox", "image", "Video")
    named = {
        (node["role"]["value"], node.get("name", {}).get("value", ""))
        for node in nodes
        if not node["ignored"] and node["role"]["value"] in roles
    }
    assert ("button", "Play") in named and ("slider", "Frame") in named
    assert all(name for _, name in named), named
    assert paper[False] > 200 and paper[True] < 60
