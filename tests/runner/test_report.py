"""The HTML report: what it shows, what it survives, and what it never does."""

import base64
import json
import math
import re
import threading
from html.parser import HTMLParser

import pytest
from servers import PATIENCE

report = pytest.importorskip("curifactory.extras.report")

STATUSES = ("computed", "reused", "skipped", "failed")
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAA"
    "AABJRU5ErkJggg=="
)


def call(id, stage, records, inputs=(), **given):
    plain = {
        "status": "computed",
        "aggregate": False,
        "argset": None if given.get("aggregate") else records[0],
        "reason": "never run",
        "seconds": 0.1,
        "folder": f"stages.{stage}/{id:012x}",
        "artifacts": [{"name": "out", "file": "out.json", "size": 9, "checksum": "c"}],
        "metrics": {},
        "reportables": [],
        "error": None,
    }
    known = {"id": id, "stage": stage, "records": records, "inputs": list(inputs)}
    return {**plain, **known, **given}


def argset(name, **fields):
    return {"name": name, "hash": "ab" * 16, "paramset": "models", "fields": fields}


def finished(argsets, calls, **given):
    stages = {}
    for each in calls:
        new = {
            "name": each["stage"],
            "counts": dict.fromkeys(STATUSES, 0),
            "seconds": 0,
        }
        stages.setdefault(each["stage"], new)["counts"][each["status"]] += 1
    counts = {s: sum(stage["counts"][s] for stage in stages.values()) for s in STATUSES}
    plain = {
        "schema": 1,
        "run": "digits-3",
        "experiment": "digits",
        "number": 3,
        "status": "done",
        "exit_code": 0,
        "command": "experiment run digits -p models",
        "started": "2026-11-24T01:02:03+00:00",
        "seconds": 192.3,
        "notes": None,
        "git": {"commit": "9f3c2ab41d5e6f708192", "branch": "main", "dirty": True},
        "versions": {"python": "3.11.7", "numpy": "2.1"},
        "argsets": argsets,
        "counts": counts,
        "stages": stages,
        "calls": calls,
    }
    return {**plain, **given}


def metric(value, goal="max"):
    return {"value": value, "goal": goal}


def study(values, goal="max", **given):
    """A run of one stage, with one metric by argset."""
    argsets = [argset(f"a{i}", seed=i, data="digits") for i in range(len(values))]
    calls = [
        call(i, "score", [f"a{i}"], metrics={"quality": metric(value, goal)})
        for i, value in enumerate(values)
    ]
    return finished(argsets, calls, **given)


def shown(kind, data=None, file=None, name="thing", group=None, **given):
    reportable = {
        "kind": kind,
        "name": name,
        "group": group,
        "file": file,
        "data": data,
    }
    return finished(
        [argset("a0")], [call(0, "score", ["a0"], reportables=[reportable], **given)]
    )


@pytest.fixture
def write(tmp_path):
    def write_and_read(run):
        page = report.write(run, tmp_path / "cache", tmp_path / "reports" / "digits-3")
        assert page == tmp_path / "reports" / "digits-3" / "index.html"
        return page.read_text(encoding="utf-8")

    return write_and_read


class Outline(HTMLParser):
    """Finds the elements of a page and sees that all are closed in order."""

    VOID = {"meta", "link", "input", "img", "br"}

    def __init__(self, page):
        super().__init__()
        self.open = []
        self.elements = []
        self.text = ""
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] not in ("style", "script"):
            self.text += data

    def all(self, tag):
        return [attributes for found, attributes in self.elements if found == tag]


def best(page):
    """Return what the highlighted cells show."""
    return re.findall(r'<td class="n best"[^>]*>([^<]*)', page)


def test_every_section_is_present(write):
    argsets = [argset("knn", model="knn", depth=None), argset("svm", model="svm")]
    error = {"type": "ValueError", "message": "no gamma", "where": "src/m.py:4"}
    calls = [
        call(0, "load", ["knn"]),
        call(1, "score", ["knn"], [0], metrics={"accuracy": metric(0.97)}),
        call(2, "load", ["svm"], status="reused"),
        call(3, "score", ["svm"], [2], status="failed", folder=None)
        | {"error": {**error, "traceback": "Traceback: here"}},
        call(4, "compare", ["knn", "svm"], [1, 3], aggregate=True, status="skipped"),
    ]
    calls[1]["reportables"] = [
        {"kind": "text", "name": "note", "group": None, "file": None, "data": "hello"}
    ]
    page = write(finished(argsets, calls, status="failed", exit_code=1))
    outline = Outline(page)
    ids = [element["id"] for element in outline.all("section")]
    assert ids == ["failures", "comparison", "results", "map", "calls"]
    links = [element["href"] for element in outline.all("a")]
    assert links == [f"#{id}" for id in ids]
    for text in (
        "experiment run digits -p models",
        "9f3c2ab41d5e",
        "with uncommitted changes",
        "python 3.11.7",
        "2026-11-24 01:02 UTC",
        "0:03:12",
        "no gamma",
        "src/m.py:4",
        "Traceback: here",
        "hello",
        "over 2 argsets",
    ):
        assert text in outline.text, text


@pytest.mark.parametrize(
    "argsets, calls",
    [
        ([], []),
        ([argset("only", seed=1)], []),
        ([], [call(0, "load", ["-"])]),
        ([argset("a"), argset("b")], [call(0, "load", ["a"])]),
        ([argset("a")], [call(0, "compare", [], aggregate=True)]),
        ([argset("a")], [call(0, "load", ["a"], status="waiting", folder=None)]),
    ],
)
def test_little_to_show_is_no_error(write, argsets, calls):
    run = finished(argsets, [])
    run["calls"] = calls
    counts = dict.fromkeys(STATUSES, 0)
    names = [each["stage"] for each in calls]
    run["stages"] = {n: {"name": n, "counts": counts, "seconds": 0} for n in names}
    outline = Outline(write({**run, "git": None, "status": "interrupted"}))
    assert "No metrics" in outline.text
    assert "not a repository" in outline.text


def test_the_page_begins_with_what_the_experiment_asks(write):
    page = write(finished([argset("a0")], [], summary="Is a < b?"))
    assert "<p>Is a &lt; b?</p>" in page.partition("<main>")[0]


def test_names_from_users_are_escaped_everywhere(write):
    evil = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
    error = dict.fromkeys(("type", "message", "where", "traceback"), evil)
    table = {"columns": [evil], "rows": [[evil]]}
    line = {"x": [0.0, 1.0], "y": {evil: [0.0, 1.0]}}
    data = {"table": table, "line": line, "json": {evil: evil}, "text": evil}
    reportables = [
        {"kind": kind, "name": evil, "group": evil, "file": None, "data": data[kind]}
        for kind in data
    ] + [{"kind": "image", "name": evil, "group": None, "file": evil, "data": None}]
    metrics = {evil: metric(1.0)}
    given = {"reason": evil, "metrics": metrics, "reportables": reportables}
    calls = [
        call(0, evil, [evil], folder=evil, **given),
        call(1, evil, ["b"], status="failed", error=error, reason=evil),
        call(2, "all", [evil, "b"], aggregate=True, **given),
    ]
    calls[0]["artifacts"][0]["name"] = evil
    run = finished([argset(evil, **{evil: evil}), argset("b", **{evil: 1})], calls)
    words = dict.fromkeys(("run", "experiment", "command", "notes", "status"), evil)
    git = {"commit": evil, "branch": evil, "dirty": False}
    page = write({**run, **words, "git": git, "versions": {evil: evil}})
    outline = Outline(page)
    assert len(outline.all("script")) == 1
    assert all("onerror" not in attributes for _, attributes in outline.elements)
    assert outline.all("img") == []


def test_raw_html_stays_in_a_frame_that_cannot_reach_the_page(write):
    page = write(shown("html", "<script>top.document.title = 'taken'</script>"))
    outline = Outline(page)
    (frame,) = outline.all("iframe")
    assert "allow-same-origin" not in frame["sandbox"]
    assert frame["srcdoc"] == "<script>top.document.title = 'taken'</script>"
    assert len(outline.all("script")) == 1


def test_the_page_asks_for_nothing_from_elsewhere(write):
    page = write(study([0.1, 0.2]))
    assert not re.search(r"https?://|//[a-z]+\.|@import|url\((?!#)", page)
    outline = Outline(page)
    (policy,) = [m["content"] for m in outline.all("meta") if "http-equiv" in m]
    assert "default-src 'none'" in policy
    assert not outline.all("script")[0]


@pytest.mark.parametrize("goal, expected", [("max", "0.9800"), ("min", "0.1200")])
def test_the_best_value_of_each_metric_follows_its_goal(write, goal, expected):
    page = write(study([0.5, 0.98, 0.12], goal))
    assert best(page) == [expected]
    assert f"<b>{expected}</b>" in page


@pytest.mark.parametrize("values", [[0.5], [0.5, 0.5], [math.nan, 0.5]])
def test_nothing_is_best_without_a_difference(write, values):
    assert best(write(study(values))) == []


def test_where_goals_contradict_each_other_nothing_is_best(write):
    run = study([0.1, 0.2])
    assert len(best(write(run))) == 1
    run["calls"][0]["metrics"]["quality"]["goal"] = "min"
    assert best(write(run)) == []


def test_without_a_goal_nothing_is_best(write):
    assert best(write(study([0.1, 0.2], goal=None))) == []


def test_equal_best_values_are_all_highlighted(write):
    page = write(study([0.5, 0.9, 0.9]))
    assert best(page) == ["0.9000", "0.9000"]
    assert "a1 and 1 more" in page


@pytest.mark.parametrize("odd", [math.nan, math.inf, -math.inf, None])
def test_values_that_are_not_finite_are_shown_and_never_best(write, odd):
    page = write(study([0.5, odd, 0.7]))
    assert best(page) == ["0.7000"]
    assert ("–" if odd is None else str(odd)) in Outline(page).text


def test_what_came_out_is_better_than_what_is_not_finite(write):
    """As a loss beside one that diverged: the terminal says the same."""
    assert best(write(study([math.inf, 0.5, 0.5]))) == ["0.5000", "0.5000"]


def test_very_large_values_are_best_as_others_are(write):
    assert best(write(study([-8e307, 1e305, 8e307, 0.7]))) == ["8e+307"]


def test_a_box_of_the_map_says_first_what_failed(write):
    calls = [call(n, "score", ["a"], status="reused") for n in range(1200)]
    calls += [call(n, "score", ["a"], status="failed") for n in range(12)]
    page = write(finished([argset("a")], calls))
    assert "12 failed · 1,200 reused</text>" in page


def test_a_metric_of_the_same_name_has_one_column_for_each_stage(write):
    calls = [
        call(0, "train", ["a"], metrics={"loss": metric(0.25, "min")}),
        call(1, "score", ["a"], metrics={"loss": metric(0.75, "min")}),
    ]
    page = write(finished([argset("a")], calls))
    assert re.findall(r"<small>([^<]*)</small>", page) == [
        "train, min is best",
        "score, min is best",
    ]
    assert "0.2500" in page and "0.7500" in page
    others = [
        call(2, "train", ["b"], metrics={"loss": metric(0.5, "min")}),
        call(3, "score", ["b"], metrics={"loss": metric(0.5, "min")}),
    ]
    page = write(finished([argset("a"), argset("b")], calls + others))
    assert "best train.loss" in page and "best score.loss" in page


def test_metrics_of_aggregates_stand_apart(write):
    values = {"mean": metric(0.123456)}
    calls = [
        call(0, "score", ["a"], metrics={"quality": metric(0.5)}),
        call(1, "compare", ["a"], [0], aggregate=True, metrics=values),
    ]
    page = write(finished([argset("a")], calls))
    table = page[page.index('id="argsets"') : page.index("Over several argsets")]
    assert "mean" not in table
    assert "0.123456" in page[page.index("Over several argsets") :]


def test_metrics_of_aggregates_say_over_which_argsets_they_are(write):
    given = {"aggregate": True, "metrics": {"mean": metric(0.5)}}
    calls = [call(n, "score", [name]) for n, name in enumerate("abcdef")]
    calls += [call(8, "compare", ["a", "b"], **given)]
    calls += [call(9, "compare", [*"-cdeff"], **given)]  # the first is a constant
    page = write(finished([argset(name) for name in "abcdef"], calls))
    text = page[page.index("Over several argsets") :]
    assert "<td>a, b</td>" in text and "<td>c, d, e and 1 more</td>" in text
    assert "over 2 argsets" in text and "over 4 argsets" in text
    assert '<td title="0.5">0.5</td><td>a, b</td>' in text  # long names hide no value


def test_the_best_of_a_metric_is_named_wherever_its_column_stands(write):
    calls = [
        call(
            number,
            "fit",
            [name],
            metrics={
                "epochs": {"value": 10, "goal": None},
                "acc": metric([0.9, 0.8][number], "max"),
                "loss": metric([0.5, 0.3][number], "min"),
            },
        )
        for number, name in enumerate("ab")
    ]
    page = write(finished([argset("a"), argset("b")], calls))
    tiles = page[page.index('class="tiles"') : page.index('id="argsets"')]
    found = re.findall(r"best (\w+)</span><b>[\d.]+</b>(\w+)", tiles)
    assert found == [("acc", "a"), ("loss", "b")]


def test_metrics_of_an_aggregate_with_an_argset_stand_in_its_row(write):
    values = {"mean": metric(0.123456)}
    of_all = call(1, "compare", ["a"], [0], aggregate=True, metrics=values)
    page = write(finished([argset("a"), argset("all")], [{**of_all, "argset": "all"}]))
    assert "Over all argsets" not in page
    rows = re.findall(r"<tr.*?</tr>", page, re.DOTALL)
    assert ["0.1235" in row for row in rows if ">all<" in row] == [True]
    assert not any("0.1235" in row for row in rows if ">a<" in row)


def test_only_what_varies_between_argsets_is_a_column(write):
    argsets = [
        argset("a", seed=0, data="digits", flag=1),
        argset("b", seed=1, data="digits", flag=True),
        argset("c", seed=1, data="digits", flag=1, extra=3),
    ]
    page = write(finished(argsets, []))
    head = page[page.index('id="argsets"') : page.index("</thead>")]
    assert re.findall(r'<button type="button">([^<]*)', head) == [
        "argset",
        "seed",
        "flag",
        "extra",
    ]
    assert re.search(r"The same in all argsets.*data</span> digits", page, re.S)


@pytest.mark.parametrize(
    "values, expected",
    [
        ([0.97, 0.975], ["0.9700", "0.9750"]),
        ([12345.0, 7.0], ["12,345", "7"]),
        ([1.5, 123.25], ["1.50", "123.25"]),
        ([1e-7, 2e-7], ["1e-07", "2e-07"]),
        ([3e12, 1.5], ["3e+12", "1.5"]),
        ([0.0, 0.0], ["0", "0"]),
        ([0.99991, 0.99993], ["0.999910", "0.999930"]),
        ([123456.1, 123457.1], ["123,456.1", "123,457.1"]),
        ([-0.30001, -0.30002], ["-0.300010", "-0.300020"]),
        ([10**400, 0.5], [str(10**400)[:200] + "…", "0.5000"]),
    ],
)
def test_numbers_of_a_column_are_shown_alike(write, values, expected):
    page = write(study(values))
    cells = re.findall(r'<td class="n[^"]*"[^>]*>([^<]*)', page)[:2]
    assert cells == expected


def test_images_are_embedded_and_have_a_text(write, tmp_path):
    folder = tmp_path / "cache" / "stages.score" / "x"
    folder.mkdir(parents=True)
    (folder / "plot.png").write_bytes(PIXEL)
    page = write(
        shown("image", file="plot.png", name="confusion", folder="stages.score/x")
    )
    (image,) = Outline(page).all("img")
    assert image["src"] == "data:image/png;base64," + base64.b64encode(PIXEL).decode()
    assert image["alt"] == "confusion a0"


@pytest.mark.parametrize("folder", ["stages.score/x", "../..", None])
@pytest.mark.parametrize("file", ["gone.png", "../secret.png", "/etc/passwd", None])
def test_a_missing_or_foreign_image_is_named_and_not_embedded(
    write, tmp_path, folder, file
):
    (tmp_path / "secret.png").write_bytes(PIXEL)
    (tmp_path / "cache" / "stages.score").mkdir(parents=True)
    page = write(shown("image", file=file, folder=folder))
    assert "data:image" not in page
    assert "Cannot be shown" in page


def test_a_figure_that_pages_do_not_show_is_named_where_it_is_kept(write, tmp_path):
    (tmp_path / "cache" / "stages.score" / "x").mkdir(parents=True)
    page = write(shown("image", file="plot.pdf", folder="stages.score/x"))
    assert "it is kept in the cache: stages.score/x/plot.pdf" in page


def test_reportables_beyond_the_room_of_the_page_are_left_out(
    write, tmp_path, monkeypatch
):
    monkeypatch.setattr(report, "PAGE_BYTES", 1000)
    assert "left out" in write(shown("html", "x" * 1001))
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "big.png").write_bytes(PIXEL * 20)
    assert "left out" in write(shown("image", file="big.png", folder="."))


@pytest.mark.parametrize("kind", ["image", "table", "line", "json", "html", "text"])
def test_damaged_reportables_do_not_cost_the_report(write, kind):
    Outline(write(shown(kind, None)))


def test_a_cell_of_a_table_without_a_value_is_a_dash(write):
    table = {"columns": ["group", "spread"], "rows": [["knn", None]]}
    page = write(shown("table", table))
    assert "<td>knn</td><td>–</td>" in page and "None" not in page


def test_equal_argsets_share_a_reportable(write):
    one = {"kind": "text", "name": "note", "group": None, "file": None, "data": "once!"}
    calls = [
        call(i, "score", [name], folder="stages.score/same", reportables=[one])
        for i, name in enumerate("abcde")
    ]
    page = write(finished([argset(name) for name in "abcde"], calls))
    assert page.count("once!") == 1
    assert "a, b, c and 2 more" in page


def test_aggregates_come_first_and_many_reportables_are_folded(write):
    one = {"kind": "text", "name": "note", "group": None, "file": None, "data": "x"}
    calls = [call(i, "score", [f"a{i}"], reportables=[one]) for i in range(5)]
    calls.append(call(5, "compare", ["a0"], aggregate=True, reportables=[one]))
    page = write(finished([], calls))
    results = page[page.index('id="results"') : page.index('id="map"')]
    folded = re.findall(r"<details( open)?><summary>(\w+)", results)
    assert folded == [(" open", "compare"), ("", "score")]


def test_lines_are_drawn_with_gaps_where_values_are_missing(write):
    y = {"train": [1.0, 2.0, math.nan, 4.0], "test": [3.0, 3.0, 3.0, math.inf]}
    page = write(shown("line", {"x": [0.0, 1.0, 2.0, 3.0], "y": y}))
    lines = re.findall(r'<polyline class="([^"]*)" points="([^"]*)"', page)
    assert lines == [
        ("s0 d0", "0.00,100.00 33.33,66.67 33.33,66.67"),
        ("s0 d0 dot", "100.00,0.00 100.00,0.00"),
        ("s1 d0", "0.00,33.33 33.33,33.33 66.67,33.33 66.67,33.33"),
    ]


def test_lines_are_drawn_over_places_of_their_own(write):
    x = {"train": [0.0, 2.0], "test": [1.0, 4.0]}
    page = write(shown("line", {"x": x, "y": {each: [0.0, 1.0] for each in x}}))
    points = re.findall(r'<polyline class="[^"]*" points="([^"]*)"', page)
    assert [each.split()[:2] for each in points] == [
        ["0.00,100.00", "50.00,0.00"],
        ["25.00,100.00", "100.00,0.00"],
    ]


def test_many_lines_differ_in_their_dashes_and_a_single_point_is_a_dot(write):
    y = {f"line {number}": [float(number)] for number in range(15)}
    page = write(shown("line", {"x": [0.0], "y": y}))
    looks = re.findall(r'<polyline class="([^"]*)"', page)
    assert len(set(looks)) == 15 and all(look.endswith(" dot") for look in looks)
    assert [f"{look} dot" for look in re.findall(r'<i class="(s[^"]*)"', page)] == looks


def test_long_lines_are_thinned_and_keep_their_extremes(write):
    y = [0.0] * 100_000
    y[77_777] = 5.0
    page = write(shown("line", {"x": [float(i) for i in range(len(y))], "y": {"y": y}}))
    assert len(page) < 100_000
    assert re.search(r"<polyline[^>]* 77\.78,0\.00 ", page)


def test_the_ends_of_an_axis_differ(write):
    line = {"x": [0.0, 1.0, 2.0], "y": {"loss": [1e9 + 1, 1e9 + 2, 1e9 + 3]}}
    page = write(shown("line", line))
    assert '<div class="y"><span>1000000003</span><span>1000000001</span></div>' in page


def test_lines_without_a_finite_value_say_so(write):
    page = write(shown("line", {"x": [0.0], "y": {"y": [math.nan]}}))
    assert "no finite value" in page


def test_the_map_places_stages_in_order_and_leads_arrows_around_them():
    calls = [
        call(0, "load", ["a"]),
        call(1, "split", ["a"], [0]),
        call(2, "train", ["a"], [1]),
        call(3, "score", ["a"], [2, 1]),
    ]
    seen = report._Calls(calls)
    drawn = report._map(seen.layers, seen.arrows)
    stages = {n: place for n, place in drawn["places"].items() if isinstance(n, str)}
    assert [stages[n][0] for n in ("load", "split", "train", "score")] == [0, 1, 2, 3]
    assert sorted(map(len, drawn["paths"])) == [2, 2, 2, 3]
    places = list(drawn["places"].values())
    assert len(set(places)) == len(places)


def test_a_stage_that_comes_again_leads_back_on_the_map(write):
    calls = [
        call(i, "train" if i % 2 else "score", ["a"], [i - 1] if i else [])
        for i in range(6)
    ]
    page = write(finished([argset("a")], calls))
    assert 'class="arrow back"' in page


def test_equal_failures_are_told_once(write):
    error = {"type": "KeyError", "message": "'x'", "where": None, "traceback": "T"}
    calls = [
        call(i, "fit", [f"a{i}"], status="failed", error=error, folder=None)
        for i in range(7)
    ]
    page = write(finished([argset(f"a{i}") for i in range(7)], calls))
    assert page.count("<summary>Traceback") == 1
    assert "fit a0 and 6 more with this message" in page
    assert page.count('<span class="tag failed">failed</span></th>') == 7


def test_failures_without_a_message_are_told_by_their_types(write):
    calls = []
    for index, kind in enumerate(("KeyError", "AssertionError", "KeyError")):
        error = {"type": kind, "message": "", "where": None, "traceback": "T"}
        failed = {"status": "failed", "error": error, "folder": None}
        calls.append(call(index, "fit", [f"a{index}"], reason="never run", **failed))
    page = write(finished([argset(f"a{i}") for i in range(3)], calls))
    assert "fit a0 and 1 more with this message" in page
    assert '<p class="problem"><b>KeyError</b></p>' in page
    assert '<p class="problem"><b>AssertionError</b></p>' in page


def test_the_first_failure_is_told_first(write):
    texts = ["later in the alphabet", "another", "later in the alphabet", "a third"]
    calls = [
        call(i, "fit", [f"a{i}"], status="failed", folder=None)
        | {"error": {"type": "E", "message": text, "where": None, "traceback": "T"}}
        for i, text in enumerate(texts)
    ]
    page = write(finished([argset(f"a{i}") for i in range(4)], calls))
    places = [page.index(f"<b>E</b>: {text}") for text in dict.fromkeys(texts)]
    assert places == sorted(places)


def test_a_failed_aggregate_marks_no_argset(write):
    error = {"type": "KeyError", "message": "'x'", "where": None, "traceback": "T"}
    one = call(0, "compare", ["a"], aggregate=True, status="failed", error=error)
    page = write(finished([argset("a")], [one]))
    assert '<span class="tag failed">failed</span></th>' not in page


def large(count):
    argsets, calls = [], []
    for i in range(count):
        name = f"knn_seed{i}"
        argsets.append(argset(name, seed=i, rate=0.1 * i, model="knn"))
        metrics = {"quality": metric(float(i)), "loss": metric(1 / (i + 1), "min")}
        line = {"x": [0.0, 1.0], "y": {"y": [0.0, float(i)]}}
        curve = {"kind": "line", "name": "l", "group": None, "file": None, "data": line}
        calls.append(call(3 * i, "load", [name]))
        calls.append(call(3 * i + 1, "train", [name], [3 * i], reportables=[curve]))
        calls.append(call(3 * i + 2, "score", [name], [3 * i + 1], metrics=metrics))
    return finished(argsets, calls)


def test_many_argsets_make_a_page_of_bounded_size_that_shows_the_best(write):
    page = write(large(2_000))
    assert len(page) < 2_000_000
    assert len(write(large(4_000))) < len(page) * 1.05
    assert "1,001 of 2,000 argsets" in page
    assert best(page) == ["1,999", "0.0005"]
    assert "knn_seed1999" in page


def test_a_lone_surrogate_in_a_text_does_not_stop_the_page(write):
    assert "\\udcff" in write(shown("text", "bad \udcff byte"))


def test_the_template_holds_no_tag_of_the_outer_template():
    source = (report.HERE / "report.html.j2").read_text(encoding="utf-8")
    assert not re.search(r"<<|<%|<#", source)


def test_runs_that_end_at_a_time_leave_all_their_reports(tmp_path):
    latest, gate = tmp_path / "latest", threading.Barrier(2, timeout=PATIENCE)
    names = [f"{who}-{number}" for number in range(200) for who in ("one", "two")]
    for name in names:
        (tmp_path / name).mkdir()
        (tmp_path / name / "index.html").write_text(name)

    def end(who):
        for number in range(200):
            gate.wait()
            report._point(latest, tmp_path / f"{who}-{number}")

    runs = [
        threading.Thread(target=end, args=(who,), daemon=True) for who in ("one", "two")
    ]
    for run in runs:
        run.start()
    for run in runs:
        run.join()
    shown = [(tmp_path / name / "index.html").read_text() for name in names]
    assert shown == names
    assert sorted(each.name for each in tmp_path.iterdir()) == sorted(
        ["latest", *names]
    )


# Made by hand ------------------------------------------------------------------------

BY_HAND = """
from curifactory import ArtifactManager, Record
from params import Args
from stages.chain import fit, load, score

manager = ArtifactManager("by_hand")
score(fit(load(Record(manager, Args(name="first", seed=1)))))
"""


def test_a_manager_made_by_hand_shows_its_report_in_a_notebook(whole):
    result = whole.script(BY_HAND + """
page = manager.report()
print(page)
before = page._repr_html_()
score(fit(load(Record(manager, Args(name="second", seed=2)))))
after = manager.report()._repr_html_()
print(before.startswith("<iframe srcdoc="), after.endswith("</iframe>"))
print(["&gt;first&lt;" in each for each in (before, after)])
print(["&gt;second&lt;" in each for each in (before, after)])
""")
    place = "reports/by_hand-1/index.html"
    told = [f"report: {place}", "True True", "[True, True]", "[False, True]"]
    assert result.out.splitlines() == told, result
    assert "</iframe>" not in (whole.root / place).read_text()
    assert (whole.root / "reports/latest/index.html").exists()
    run = json.loads((whole.root / "data/runs/by_hand-1/run.json").read_text())
    assert run["counts"]["computed"] == 5 and run["status"] == "done"


def test_what_other_releases_display_of_a_report_shows_the_report(whole):
    names = "display_info", "display_all_reportables", "display_stage_graph"
    calls = "".join(f"print(manager.{name}())\n" for name in names)
    result = whole.script(f"{BY_HAND}{calls}")
    assert result.out.splitlines() == 3 * ["report: reports/by_hand-1/index.html"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            BY_HAND.rsplit("score(", 1)[0] + "manager.report()",
            "no report: no stage was called yet",
        ),
        (
            "import sys\nsys.modules['jinja2'] = None\n" + BY_HAND + "manager.report()",
            "no report: it needs jinja2 and curifactory/extras",
        ),
    ],
)
def test_a_report_by_hand_that_cannot_be_made_says_why(whole, text, said):
    result = whole.script(text)
    assert result.code == 1 and said in result.err, result


def test_a_call_that_is_reused_for_no_other_reason_has_none_in_the_report(whole):
    whole.ok("study")
    whole.ok("study")
    page = (whole.root / "reports/latest/index.html").read_text("utf-8")
    assert page.count('<td class="wrap"></td>') == 6
    assert '<td class="wrap">&#34;&#34;</td>' not in page


LONG = """
from dataclasses import dataclass

from curifactory import ExperimentArgs, Record, stage


@dataclass
class Long(ExperimentArgs):
    words: tuple = ()


@stage(None, ["count"])
def count(record):
    return len(record.args.words)


def get_params():
    words = ("standard",) * 20
    return [Long(name, (*words, f"end{name}")) for name in "ab"]


def run(argsets, manager):
    for args in argsets:
        count(Record(manager, args))
"""


def test_long_values_that_begin_alike_vary_and_are_shown_where_they_differ(whole):
    whole.write({"experiments/long.py": LONG})
    whole.ok("long")
    page = (whole.root / "reports/latest/index.html").read_text("utf-8")
    assert "The same in all argsets" not in page
    for name in "ab":
        assert f">...d&#39;, &#39;standard&#39;, &#39;end{name}&#39;)</td>" in page


def test_a_value_of_which_the_end_is_shown_can_be_read_as_a_whole(whole):
    short_words = LONG.replace('(*words, f"end{name}")', "('/data' * 9, name)")
    whole.write({"experiments/long.py": short_words})
    whole.ok("long")
    page = (whole.root / "reports/latest/index.html").read_text("utf-8")
    for name in "ab":
        exact = f"(&#39;{'/data' * 9}&#39;, &#39;{name}&#39;)"
        assert re.search(f'<td title="{re.escape(exact)}">\\.\\.\\.[^.]*{name}', page)


def test_an_experiment_has_its_report_at_its_end(whole):
    whole.edit("experiments/study.py", "def run(argsets, manager):", RUN)
    result = whole.run("study")
    assert result.code == 2, result
    assert "an experiment has its report at its end" in result.err
    whole.edit("experiments/study.py", "manager.report()", "manager.generate_report()")
    assert whole.run("study").err == result.err
    assert not (whole.root / "reports").exists()


RUN = "def run(argsets, manager):\n    manager.report()"
