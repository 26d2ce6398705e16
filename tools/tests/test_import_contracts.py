import pytest

grimp = pytest.importorskip("grimp", reason="import-linter is installed for lint alone")

from import_contracts import StandardLibraryOnlyContract  # noqa: E402 - needs import-linter


def check(*imports: tuple[str, str]) -> list[tuple[str, str]]:
    """Return the imports that the contract finds wrong in `core.errors`."""
    graph = grimp.ImportGraph()
    for name in ("core", "core.errors", "core.errors.tree", "core.ids"):
        graph.add_module(name)
    for importer, imported in imports:
        if "." not in imported:
            graph.add_module(imported, is_squashed=True)
        graph.add_import(importer=importer, imported=imported)
    contract = StandardLibraryOnlyContract(
        name="ground", session_options={}, contract_options={"modules": ["core.errors"]}
    )
    found: list[tuple[str, str]] = contract.check(graph, verbose=False).metadata["found"]
    return found


def test_the_standard_library_and_inner_modules_are_allowed() -> None:
    """A module may import the standard library and what is inside it."""
    assert check(("core.errors", "time"), ("core.errors", "core.errors.tree")) == []


def test_other_packages_and_other_modules_are_found() -> None:
    """Each import of another package, or of another room of the same one, is found."""
    wrong = [("core.errors", "core.ids"), ("core.errors.tree", "pydantic")]
    assert check(*wrong, ("core.errors.tree", "re")) == wrong
