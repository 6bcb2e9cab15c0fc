"""Sources as they were loaded, and texts of syntax trees."""

import ast
import importlib

import pytest
from tracked import imported

from curifactory import sources, syntax


def text(source, **options):
    return syntax.dump(ast.parse(source), **options)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("x = 1", "x=1  # one"),
        ("x = 1", "\n\nx = (1)"),
        ("x = 'a'", 'x = "a"'),
        ("def f(): return 1", "def f():\n    '''Doc.'''\n    return 1"),
        ("def f(a, b=1): pass", "def f(a: int, b: str = 1) -> None: pass"),
        ("class A:\n    x = 1", "class A:\n    'Doc.'\n    x = 1"),
        ("async def f(): return 1", "async def f():\n    'Doc.'\n    return 1"),
        ("def f():\n    x = 1", "def f():\n    y: int\n    x: int = 1"),
        ("x = u'a'", "x = 'a'"),
        ("x = 1_000", "x = 1000"),
    ],
)
def test_what_does_not_change_the_meaning_does_not_count(one, other):
    assert text(one) == text(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("x = 1", "x = 1.0"),
        ("x = 1", "x = True"),
        ("x = 'a'", "x = b'a'"),
        ("x = 1", "y = 1"),
        ("x = 1", "x += 1"),
        ("f(a, b)", "f(b, a)"),
        ("f(a)", "f(*a)"),
        ("f(a=1)", "f(b=1)"),
        ("def f(a): pass", "def f(*, a): pass"),
        ("def f(a): pass", "def f(a, /): pass"),
        ("def f(a, b=1): pass", "def f(a, *, b=1): pass"),
        ("def f(): pass", "async def f(): pass"),
        ("def f(): return 'Doc.'", "def f(): 'Doc.'"),
        ("x = a if b else c", "x = c if b else a"),
        ("f'{x}'", "f'{x!r}'"),
        ("f'{x:2}'", "f'{x:3}'"),
        ("x[1:2]", "x[1, 2]"),
        ("x < y < z", "x < (y < z)"),
        ("if a:\n    b\nc", "if a:\n    b\n    c"),
        ("try:\n    a\nfinally:\n    b", "try:\n    a\nexcept E:\n    b"),
        ("lambda x: 1", "lambda y: 1"),
        ("class A:\n    x: int", "class A:\n    y: int"),
        ("x = [1, [2]]", "x = [[1], 2]"),
    ],
)
def test_what_changes_the_meaning_counts(one, other):
    assert text(one) != text(other)


def test_the_name_of_a_definition_can_be_left_out():
    one, other = (ast.parse(f"def {name}(): pass").body[0] for name in "fg")
    assert syntax.dump(one) != syntax.dump(other)
    assert syntax.dump(one, named=False) == syntax.dump(other, named=False)


def test_names_can_be_resolved_to_what_they_stand_for():
    def resolve(node):
        return "@" if isinstance(node, ast.Name) and node.id in "fg" else None

    assert text("f(x)", resolve=resolve) == text("g(x)", resolve=resolve)
    assert text("f(x)", resolve=resolve) != text("h(x)", resolve=resolve)
    assert text("f = 1", resolve=resolve) != text("g = 1", resolve=resolve)


def test_dumping_changes_no_tree():
    tree = ast.parse("def f(a: int = 1):\n    'Doc.'\n    x: int = a\n    return x")
    before = ast.dump(tree, include_attributes=True)
    syntax.dump(tree)
    assert ast.dump(tree, include_attributes=True) == before


# Definitions that are found again ---------------------------------------------------

SOURCE = """\
import functools
import math


def plain(): return "plain"


@functools.lru_cache
@functools.wraps(plain)
def decorated():
    return "decorated"


def outer():
    def inner():
        return "inner"
    return inner


one, two, three = lambda: 1, lambda: 2, lambda: 1
short, long = lambda x: x + 1, (lambda x: (
 x + 2))
by_default = [lambda x=1: x, lambda x=2: x]
by_library = [lambda x: math.floor(x), lambda x: math.ceil(x)]


class A:
    def method(self):
        return "method"

    class B:
        x = 1


class A:
    def method(self):
        return "second"

    class B:
        x = 2


if A.B.x == 2:
    def chosen(): return "yes"
else:
    def chosen(): return "no"
"""


@pytest.fixture
def project(tmp_path):
    root = tmp_path.resolve()
    name = f"project_{abs(hash(str(root)))}"
    with imported(root, name, SOURCE) as module:
        yield module


def found(function):
    node = syntax.find_function(function.__code__)
    return None if node is None else ast.unparse(node).replace("lambda :", "lambda:")


def test_functions_are_found_by_what_was_compiled(project):
    assert "'plain'" in found(project.plain)
    assert "'inner'" in found(project.outer())
    assert "'second'" in found(project.A().method.__func__)
    assert "'yes'" in found(project.chosen)


def test_decorated_functions_are_found(project):
    inner = next(
        each
        for each in ast.walk(sources.tree_of(project.__file__))
        if getattr(each, "name", "") == "decorated"
    )
    code = compile(ast.Module([inner], []), project.__file__, "exec").co_consts[0]
    assert syntax.find_function(code) is inner


def test_lambdas_on_one_line_are_told_apart(project):
    assert found(project.one) == "lambda: 1"
    assert found(project.two) == "lambda: 2"
    assert found(project.three) == "lambda: 1"


def test_a_lambda_of_two_lines_beside_another_is_found(project):
    assert found(project.short) == "lambda x: x + 1"
    assert found(project.long) == "lambda x: x + 2"


def test_lambdas_that_call_what_a_module_imports_are_told_apart(project):
    # Python compiles a call by the name of an import in its own way.
    assert found(project.by_library[0]) == "lambda x: math.floor(x)"
    assert found(project.by_library[1]) == "lambda x: math.ceil(x)"


def test_lambdas_that_differ_in_defaults_are_found(project):
    assert [found(each) is not None for each in project.by_default] == [True, True]


def test_every_definition_of_a_class_is_found(project):
    first, second = map(ast.unparse, syntax.find_classes(project.A))
    assert "second" not in first and "second" in second
    assert "x = 2" in ast.unparse(syntax.find_classes(project.A.B)[-1])


def test_finding_changes_no_tree(project):
    tree = sources.tree_of(project.__file__)
    before = ast.dump(tree, include_attributes=True)
    found(project.two)
    assert ast.dump(tree, include_attributes=True) == before


def test_functions_without_source_are_not_found():
    space = {}
    exec("def f(): pass", space)
    assert found(space["f"]) is None
    assert syntax.find_classes(type("Made", (), {})) == []


def test_assignments_of_a_name_are_found():
    tree = ast.parse("a = 1\nb = a\ndef a2(): a\nif b:\n    a = 3\nimport c\nd = 1\n")
    lines = [node.lineno for node in syntax.assignments(tree, "a")]
    assert lines == [1, 2, 4]


def test_statements_that_set_an_attribute_are_found():
    tree = ast.parse(
        "a.x = 1\nb = a.x\na.y += 1\nsetattr(a, 'z', 1)\nsetattr(b, 'z', a)\n"
        "b.x = a\nfor i in []:\n    a.i = i\nsetattr()\ndef f(): a.x = 2\na.b.c = 1\n"
        "a.b['c'] = 1\na.b.update(c=1)\na.run()\nprint(a.b['c'])\na['b'] = 1\n"
    )
    lines = [node.lineno for node in syntax.attached(tree, "a")]
    assert lines == [1, 3, 4, 7, 11, 12, 13, 16]


def test_the_source_is_kept_as_it_was_loaded(project):
    path = project.__file__
    before = ast.dump(sources.tree_of(path))
    with open(path, "w") as file:
        file.write("x = 1\n")
    assert ast.dump(sources.tree_of(path)) == before
    assert "'plain'" in found(project.plain)


@pytest.mark.parametrize("count", [3, 30])
def test_a_module_is_gone_through_as_often_however_much_is_in_it(
    count, monkeypatch, tmp_path
):
    functions = [f"K{i} = {i}\ndef f{i}(): return K{i}\n" for i in range(count)]
    classes = [f"class C{i}:\n    def g(self): return f{i}()\n" for i in range(count)]
    name = f"large_{count}"
    (tmp_path / f"{name}.py").write_text("\n".join(functions + classes))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sources, "_roots", [str(tmp_path)])
    module = importlib.import_module(name)
    walked = []
    walk = ast.walk
    monkeypatch.setattr(ast, "walk", lambda node: walked.append(node) or walk(node))
    for index in range(count):
        function, cls = vars(module)[f"f{index}"], vars(module)[f"C{index}"]
        assert syntax.find_function(function.__code__) is not None
        assert len(syntax.find_classes(cls)) == 1
        tree = sources.tree_of(module.__file__)
        assert len(syntax.assignments(tree, f"K{index}")) == 1
        assert syntax.attached(tree, cls.__qualname__) == []
    assert sum(isinstance(node, ast.Module) for node in walked) == 2
    assert len(walked) == 2 + 2 * count  # for each constant two questions, asked once


def filled(source, *, outside=True):
    """Return the variables that a function fills, those outside of it or the others."""
    node = ast.parse(source).body[0]
    found = syntax.fillings(node, syntax.local_names(node))
    return {each.name for each in found if each.is_outside == outside}


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("def f(): global a, b; a = 1", {"a", "b"}),
        ("def f(): nonlocal a; a = 1", {"a"}),
        ("def f(): A['x'] = 1", {"A"}),
        ("def f(): A.x.y[0] = 1", {"A"}),
        ("def f(): A.b.setdefault('x', 1)", {"A"}),
        ("def f(): A.x.extend([1])", {"A"}),
        ("def f(): A.appendleft(1), B.extendleft([1]), C.set(1)", {"A", "B", "C"}),
        ("def f(): A.append(1), B.add(1), C.insert(0, 1), D.update(x=1)", set("ABCD")),
        ("def f(): A['x'] += 1", {"A"}),
        ("def f(): setattr(A, 'x', 1)", {"A"}),
        ("def f(): setattr()", set()),
        ("def g():\n def f(): A.append(1)", {"A"}),
        ("def f(): globals()['A'] = 1", {""}),
        ("def f(): vars(A)['x'] = 1", {""}),
        ("def f(): setattr(sys.modules[__name__], 'x', 1)", {""}),
        ("def f(self): type(self).x = 1", {""}),
        ("def f(self): self.__class__.x = 1", {""}),
        ("def f(self): self.__class__.x.y['a'] = 1", {""}),
        ("def f(a, b={}): b['x'] = 1", {""}),
        ("def f(a, b={}): a['x'] = 1", set()),
        ("def f(a={}, b=1): a['x'] = 1", {""}),
        ("def f(a, /, b=[]): b.append(1)", {""}),
        ("def f(a=[], /, b=1): a.append(1)", {""}),
        ("def f(*, a, b=dict()): b['x'] = 1", {""}),
        ("def f(*, a, b=dict()): a['x'] = 1", set()),
        ("def f(a=None, b=(1, 2)): a['x'] = b['x'] = 1", set()),
        ("def f(): a = {}; a['x'] = 1; a.b = 1; a.update(x=1)", set()),
        ("def f(x): x['x'] = 1", set()),
        ("def f(): make()['x'] = 1", set()),
        ("def f(): return A['x'], A.b, A.get('x'), A.update", set()),
        ("class A:\n B.x = 1", {"B"}),
        ("def f(): a = A; a['x'] = 1", {"A"}),
        ("def f(): a = b = A.x; b.append(1)", {"A"}),
        ("def f(): a = A['x']; b = a; b.add(1)", {"A"}),
        ("def f(a): a = A if a is None else a; a['x'] = 1", {"A"}),
        ("def f(a): a = a or A.x; a['x'] = 1", {"A"}),
        ("def f(): 'x' in (a := A) or a.add(1)", {"A"}),
        ("def f(a=A): a['x'] = 1", {"A"}),
        ("def f(*, a=A.x): a['x'] = 1", {"A"}),
        ("def f(): dict.__setitem__(A, 'x', 1)", {"A"}),
        ("def f(x): object.__setattr__(A, 'x', 1)", {"A"}),
        ("def f(): x.__setitem__('x', 1)", set()),
        ("def f(): a = b; b = a; a.add(1)", set()),
        ("def f(x): x = x.a; x.add(1)", set()),
        ("def f(): a = A; a += 1", set()),
        ("def f(x): a = x; a.append(1)", set()),
        ("def f(): a = A; b.append(a)", {"b"}),
        ("def f(): a = A(); a.x = 1", set()),
    ],
)
def test_what_definitions_fill_outside_of_them_is_known(source, names):
    assert filled(source) == names


@pytest.mark.parametrize(
    ("body", "fills"),
    [
        ("x.a = 1", {"x"}),
        ("x.a.b['x'] = 1", {"x"}),
        ("x.a.append(1)", {"x"}),
        ("y.a = 1", {"y"}),
        ("a = x.a; a['x'] = 1", {"x"}),
        ("object.__setattr__(x, 'a', 1)", {"x"}),
        ("return x.a", set()),
    ],
)
def test_what_methods_keep_in_their_object_is_known(body, fills):
    assert filled(f"def f(x, y): {body}", outside=False) == fills


def test_what_is_filled_is_told_from_what_is_read():
    source = (
        "def f():\n A['x'] = 1\n B.setdefault('x', 1)\n a = self.b.c['x'] = 1\n"
        " d = D.e\n d.f['x'] = 1"
    )
    node = ast.parse(source).body[0]
    found = syntax.fillings(node, syntax.local_names(node))
    names = {id(n): n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
    nodes = [(each.name, each.attribute, names.get(each.node)) for each in found]
    assert sorted(nodes, key=str) == [
        ("A", "", "A"),
        ("B", "", None),
        ("D", "e", None),
        ("self", "b", "self"),
    ]


def test_what_does_nothing_does_not_count():
    texts = ["pass", "...", "'text'", "'text'\n ...", "pass\n pass"]
    for kind in ("def f():", "class A:", "for a in b:"):
        assert len({syntax.dump(ast.parse(f"{kind}\n {text}")) for text in texts}) == 1
    one = "if a:\n b\nelse:\n pass"
    assert syntax.dump(ast.parse(one)) == syntax.dump(ast.parse("if a:\n b"))


def test_annotations_of_a_class_are_parsed():
    source = "class A:\n a: int\n b: 'list[B]' = 1\n c: 'a b'\n d = 1\n e: None\n"
    found = syntax.annotations(ast.parse(source).body[0])
    assert [ast.unparse(each) for each in found] == ["int", "list[B]", "None"]
