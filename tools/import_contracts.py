"""A contract for import-linter: modules that import the standard library alone."""

import sys
from typing import cast

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output
from importlinter.domain.imports import Module


class StandardLibraryOnlyContract(Contract):
    """Checks that modules import nothing but the standard library and themselves.

    import-linter can forbid packages by name only; this contract also holds for packages that
    nobody thought of.

    Configuration options:
        - modules: The modules, each with everything inside it.
    """

    type_name = "standard_library_only"

    modules = fields.ListField(subfield=fields.ModuleField())

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:  # noqa: FBT001 - the caller's signature
        """Collect the imports that leave the standard library."""
        found: list[tuple[str, str]] = []
        for room in cast("list[Module]", self.modules):
            inside = {room.name, *graph.find_descendants(room.name)}
            found += [
                (module, imported)
                for module in sorted(inside)
                for imported in sorted(graph.find_modules_directly_imported_by(module) - inside)
                if imported.partition(".")[0] not in sys.stdlib_module_names
            ]
        return ContractCheck(kept=not found, metadata={"found": found})

    def render_broken_contract(self, check: ContractCheck) -> None:
        """Name each import that leaves the standard library."""
        for module, imported in check.metadata["found"]:
            output.print_error(f"- {module} imports {imported}", bold=False)
        output.new_line()
