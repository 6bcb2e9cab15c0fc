"""Values of libraries whose digests are compared; only of those that are installed."""

import importlib

from curifactory.plain import copied


def installed(name):
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


SAME, DIFFERENT = {}, {}

if np := installed("numpy"):

    class Quantity(np.ndarray):
        """Arrays with a unit."""

        unit = ""

    def quantity(unit):
        made = np.arange(3.0).view(Quantity)
        made.unit = unit
        return made

    grid = np.arange(12.0).reshape(3, 4)
    SAME |= {
        "numpy: order of memory": (grid, np.asfortranarray(grid)),
        "numpy: strides": (grid, np.arange(24.0)[::2].reshape(3, 4) / 2),
        "numpy: a view and a copy": (grid[1:], grid[1:].copy()),
        "numpy: read only": (grid, np.broadcast_to(grid, (3, 4))),
        "numpy: generators": (np.random.default_rng(1), np.random.default_rng(1)),
        "numpy: scalars": (np.float64(0.5), np.float64(1) / 2),
        "numpy: arrays with attributes": (quantity("m"), quantity("m")),
        "numpy: the random state that all share": (
            [np.random.mtrand._rand],
            [np.random.mtrand._rand],
        ),
        "numpy: kinds of types": (np.dtype("f8"), np.dtype(float)),
        "numpy: texts as objects": (
            np.array(["a", None], dtype=object),
            np.array(["a", None], dtype=object),
        ),
        "numpy: records": tuple(
            np.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")]) for _ in "12"
        ),
    }
    DIFFERENT |= {
        "numpy: array and list": (np.arange(3), [0, 1, 2]),
        "numpy: shapes": (np.zeros((2, 3)), np.zeros((3, 2))),
        "numpy: types": (np.zeros(2), np.zeros(2, "f4")),
        "numpy: byte orders": (np.arange(2, dtype="<i4"), np.arange(2, dtype=">i4")),
        "numpy: values": (np.zeros(2), np.ones(2)),
        "numpy: transposed": (grid, grid.T),
        "numpy: signs of zero": (np.array([0.0]), np.array([-0.0])),
        "numpy: scalar and number": (np.float64(0.5), 0.5),
        "numpy: scalar and array": (np.float64(0.5), np.array(0.5)),
        "numpy: units of time": (
            np.array([1], "datetime64[s]"),
            np.array([1], "datetime64[ms]"),
        ),
        "numpy: masks": (
            np.ma.array([1, 2], mask=[True, False]),
            np.ma.array([1, 2], mask=[False, True]),
        ),
        "numpy: what a mask hides is kept": (
            np.ma.array([1, 2], mask=[True, False], fill_value=0),
            np.ma.array([1, 2], mask=[True, False], fill_value=9),
        ),
        "numpy: no mask and one that hides the value that fills": (
            np.ma.array([1, 999_999], mask=[False, False]),
            np.ma.array([1, 999_999], mask=[False, True]),
        ),
        "numpy: attributes of arrays": (quantity("m"), quantity("km")),
        "numpy: names of fields": (
            np.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")]),
            np.array([(1, 2.0)], dtype=[("b", "i4"), ("a", "f8")]),
        ),
        "numpy: functions": (np.mean, np.median),
        "numpy: functions of arrays": (np.sin, np.cos),
        "numpy: classes": (np.float32, np.float64),
        "numpy: seeds": (np.random.default_rng(1), np.random.default_rng(2)),
        "numpy: types of objects": (
            np.array([1, "a"], dtype=object),
            np.array([1.0, "a"], dtype=object),
        ),
        "numpy: subclasses": (grid.view(np.recarray), grid),
    }

if pd := installed("pandas"):
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})
    noted, in_miles = frame.copy(), frame.copy()
    noted.attrs["unit"], in_miles.attrs["unit"] = "km", "miles"
    days = pd.date_range("2024-01-01", periods=3)

    class Measured(pd.DataFrame):
        _metadata = ["unit"]

    def measured(unit):
        made = Measured({"a": [1]})
        made.unit = unit
        return made

    used = measured("m")
    used.a.sum()  # pandas keeps the column
    SAME |= {"pandas: frames of a class of one's own": (measured("m"), used)}
    DIFFERENT |= {
        "pandas: what a class of one's own adds": (measured("m"), measured("km")),
        "pandas: attributes of frames": (noted, in_miles),
        "pandas: attributes of columns": (noted["a"], in_miles["a"]),
        "pandas: steps of dates": (days, pd.DatetimeIndex(list(days))),
    }
    SAME |= {
        "pandas: frames in parts": (
            frame,
            pd.concat([frame[["a"]], frame[["b"]]], axis=1),
        ),
        "pandas: a slice and a copy": (frame.iloc[1:], frame.iloc[1:].copy()),
        "pandas: missing values": (pd.Series([1.0, None]), pd.Series([1.0, None])),
        "pandas: stamps": (pd.Timestamp("2024-01-01"), pd.Timestamp("2024-01-01 00")),
    }
    DIFFERENT |= {
        "pandas: order of columns": (frame, frame[["b", "a"]]),
        "pandas: names of columns": (frame, frame.rename(columns={"a": "c"})),
        "pandas: rows": (frame, frame.iloc[::-1]),
        "pandas: index": (frame, frame.set_index("a", drop=False)),
        "pandas: name of the index": (frame, frame.rename_axis("rows")),
        "pandas: types of columns": (frame, frame.astype({"a": "int32"})),
        "pandas: names of a series": (frame["a"], frame["a"].rename("z")),
        "pandas: series and frame": (frame["a"], frame[["a"]]),
        "pandas: series and array": (frame["a"], frame["a"].to_numpy()),
        "pandas: categories": (
            pd.Series(["x"], dtype=pd.CategoricalDtype(["x", "y"])),
            pd.Series(["x"], dtype=pd.CategoricalDtype(["y", "x"])),
        ),
        "pandas: ordered categories": (
            pd.Series(["x"], dtype=pd.CategoricalDtype(["x", "y"])),
            pd.Series(["x"], dtype=pd.CategoricalDtype(["x", "y"], ordered=True)),
        ),
        "pandas: time zones": (
            pd.Timestamp("2024-01-01"),
            pd.Timestamp("2024-01-01", tz="UTC"),
        ),
        "pandas: several levels": (
            pd.MultiIndex.from_tuples([(1, "x")]),
            pd.MultiIndex.from_tuples([(1, "y")]),
        ),
        "pandas: missing and not": (pd.Series([1.0, None]), pd.Series([1.0, 2.0])),
        "pandas: attributes of a frame": (frame, frame.assign(c=1)),
    }

if pl := installed("polars"):
    table = pl.DataFrame({"a": [1, 2], "b": ["x", "y"]})
    SAME |= {
        "polars: frames": (table, pl.DataFrame({"a": [1, 2], "b": ["x", "y"]})),
        "polars: chunks": (pl.concat([table[:1], table[1:]]), table),
        "polars: a slice and a copy": (table[1:], pl.DataFrame({"a": [2], "b": ["y"]})),
        "polars: series": (table["a"], pl.Series("a", [1, 2])),
    }
    DIFFERENT |= {
        "polars: values": (table, table.with_columns(a=pl.lit(1))),
        "polars: names of columns": (table, table.rename({"a": "c"})),
        "polars: order of columns": (table, table[["b", "a"]]),
        "polars: rows": (table, table.reverse()),
        "polars: types": (table, table.cast({"a": pl.Int32})),
        "polars: missing values": (pl.Series([1, None]), pl.Series([1, 0])),
        "polars: names of a series": (table["a"], table["a"].alias("z")),
        "polars: series and frame": (table["a"], table[["a"]]),
        "polars: expressions": (pl.col("a") + 1, pl.col("a") + 2),
    }

if installed("sklearn"):
    from sklearn.linear_model import Lasso, Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.tree import DecisionTreeClassifier

    points, labels = [[1.0], [2.0]], [0, 1]
    SAME |= {
        "sklearn: estimators": (Ridge(alpha=2.0), Ridge(alpha=2.0)),
        "sklearn: pipelines": tuple(
            make_pipeline(StandardScaler(), Ridge(2.0)) for _ in "12"
        ),
        "sklearn: fitted": tuple(Ridge(2.0).fit(points, labels) for _ in "12"),
        "sklearn: fitted trees": tuple(
            DecisionTreeClassifier(random_state=0).fit(points, labels) for _ in "12"
        ),
    }
    DIFFERENT |= {
        "sklearn: parameters": (Ridge(alpha=2.0), Ridge(alpha=1.0)),
        "sklearn: types of parameters": (Ridge(alpha=2.0), Ridge(alpha=2)),
        "sklearn: estimators": (Ridge(), Lasso()),
        "sklearn: fitted and not": (Ridge(), Ridge().fit(points, labels)),
        "sklearn: steps": (
            make_pipeline(StandardScaler(), Ridge(1.0)),
            make_pipeline(StandardScaler(), Ridge(2.0)),
        ),
        "sklearn: fitted trees": (
            DecisionTreeClassifier(random_state=0).fit(points, labels),
            DecisionTreeClassifier(random_state=0).fit(points, [1, 0]),
        ),
    }

if attrs := installed("attrs"):

    @attrs.define
    class Dot:
        x: int = 0
        y: object = None

    @attrs.frozen(slots=False)
    class Still:
        x: int = 0

    SAME |= {
        "attrs: slotted": (Dot(1, [2]), Dot(1, [2])),
        "attrs: frozen": (Still(1), Still(1)),
    }
    DIFFERENT |= {
        "attrs: values": (Dot(1, [2]), Dot(1, [3])),
        "attrs: swapped": (Dot(1, 2), Dot(2, 1)),
        "attrs: types": (Dot(1), Dot(1.0)),
        "attrs: classes": (Dot(1), Still(1)),
        "attrs: frozen": (Still(1), Still(2)),
    }

if pydantic := installed("pydantic"):

    class Form(pydantic.BaseModel):
        x: int = 0
        y: object = None

    class Other(pydantic.BaseModel):
        x: int = 0
        y: object = None

    @pydantic.dataclasses.dataclass
    class Card:
        x: int = 0

    SAME |= {
        "pydantic: models": (Form(x=1, y=[2]), Form(y=[2], x="1")),
        "pydantic: nested models": (Form(y=Form(x=1)), Form(y=Form(x=1))),
        "pydantic: dataclasses": (Card(1), Card("1")),
    }
    DIFFERENT |= {
        "pydantic: values": (Form(x=1), Form(x=2)),
        "pydantic: types": (Form(y=1), Form(y=1.0)),
        "pydantic: nested models": (Form(y=Form(x=1)), Form(y=Form(x=2))),
        "pydantic: classes": (Form(x=1), Other(x=1)),
        "pydantic: model and its class": (Form(), Form),
        "pydantic: dataclasses": (Card(1), Card(2)),
    }

if special := installed("scipy.special"):
    SAME["scipy: functions"] = special.expit, special.expit
    DIFFERENT["scipy: names of functions"] = special.expit, special.logit

if stats := installed("scipy.stats"):

    def seeded(seed):
        made = stats.norm(0, 1)
        made.random_state = seed
        return made

    SAME |= {
        "scipy: distributions": (stats.norm(0, 1), stats.norm(0, 1)),
        "scipy: distributions as argsets have them": (
            stats.poisson(3),
            copied(stats.poisson(3)),
        ),
        "scipy: distributions with a seed": (seeded(1), copied(seeded(1))),
    }
    DIFFERENT |= {
        "scipy: parameters": (stats.norm(0, 1), stats.norm(0, 2)),
        "scipy: parameters and names": (stats.norm(0, 1), stats.laplace(0, 1)),
        "scipy: seeds": (seeded(1), seeded(2)),
        "scipy: histograms": tuple(
            stats.rv_histogram(([1, n], [0, 1, 2]))() for n in (1, 2)
        ),
    }
